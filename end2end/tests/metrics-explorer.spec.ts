import { judge } from "../support/accessibility.ts";
import type { Console } from "../support/console.ts";
import { growing, sendCounter, sendGauge, sendHistogram } from "../support/metrics.ts";
import { sendTrace } from "../support/spans.ts";
import { expect, hydrated, test } from "../support/test.ts";

/** Requests of three pods of two regions, rooms, and how long orders take; returns the trace of one of them. */
async function fill(console: Console): Promise<string> {
  const { trace } = await sendTrace(console, [{ service: "shop", name: "POST /orders", at: 0, took: 400 }]);
  await sendCounter(console, "shop.requests", "Answered requests.", [
    { labels: { region: "north", pod: "n-1" }, values: growing(15) },
    { labels: { region: "north", pod: "n-2" }, values: growing(30) },
    { labels: { region: "south", pod: "s-1" }, values: growing(60) },
  ]);
  await sendGauge(console, "room_temperature", "How warm it is.", [{ labels: { room: "attic" }, values: growing(0.1).map((v) => v - 5) }]);
  await sendHistogram(console, "order.duration", [0.1, 0.5, 1], [5, 10, 4, 1], trace);
  return trace;
}

test("a metric is found, shown, filtered and grouped by clicks", async ({ page, open, console }) => {
  await fill(console);
  await open("/monitoring/metrics");
  await expect(page.getByText("Choose a metric", { exact: true })).toBeVisible();
  await page.keyboard.press("/");
  const search = page.getByRole("searchbox", { name: "Search metrics" });
  await expect(search).toBeFocused();
  await search.fill("answered");
  const found = page.getByRole("link", { name: /shop_requests_total/ });
  await expect(found).toContainText("counter");
  await expect(page.getByRole("link", { name: /room_temperature/ })).toHaveCount(0);
  await found.click();
  const editor = page.getByRole("textbox", { name: "Query A" });
  await expect(editor).toHaveValue("sum(rate(shop_requests_total[5m]))");
  const chart = page.getByRole("slider", { name: "Query A over time" });
  await expect(chart).toBeVisible();
  await expect(page.getByRole("region", { name: "Query A" })).toContainText("read from samples");

  await page.getByRole("link", { name: /^Only region:\s*north/ }).click();
  await expect(editor).toHaveValue('sum(rate(shop_requests_total{region="north"}[5m]))');
  await page.getByRole("link", { name: "by pod" }).click();
  await expect(editor).toHaveValue('sum by (pod) (rate(shop_requests_total{region="north"}[5m]))');
  const legend = page.getByRole("region", { name: "Query A" }).getByRole("button", { name: /^n-/ });
  await expect(legend).toHaveCount(2);
  await page.getByRole("link", { name: "Without pod=n-1" }).click();
  await expect(legend).toHaveCount(1);
  await expect(editor).toHaveValue('sum by (pod) (rate(shop_requests_total{region="north", pod!="n-1"}[5m]))');

  await judge(page, "a metric with filters");

  // The address is the state.
  await page.reload();
  await hydrated(page);
  await expect(editor).toHaveValue('sum by (pod) (rate(shop_requests_total{region="north", pod!="n-1"}[5m]))');
  await page.goBack();
  await expect(editor).toHaveValue('sum by (pod) (rate(shop_requests_total{region="north"}[5m]))');
});

test("a query is written with completion, and what is wrong with it is said beneath", async ({ page, open, console }) => {
  await fill(console);
  await open("/monitoring/metrics");
  const editor = page.getByRole("textbox", { name: "Query A" });
  await editor.pressSequentially("room");
  const choices = page.getByRole("listbox", { name: "Suggestions" });
  await expect(choices.getByRole("option", { name: /room_temperature/ })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(editor).toHaveValue("room_temperature");
  await editor.pressSequentially("{");
  await expect(choices.getByRole("option", { name: /^room/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(choices).toBeHidden();
  await editor.pressSequentially("room=");
  await expect(choices.getByRole("option", { name: /attic/ })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await expect(choices.getByRole("option", { name: /attic/ })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expect(editor).toHaveValue('room_temperature{room="attic"');
  // Nothing is run yet, and what is missing is said.
  await expect(page.getByRole("alert")).toContainText("nexpected end");
  await expect(editor).toHaveAttribute("aria-invalid", "true");
  await editor.pressSequentially("}");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/q=room_temperature/);
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(page.getByRole("slider", { name: "Query A over time" })).toBeVisible();
  await editor.fill("sum(rate(room_temperature[5m])");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("nclosed left parenthesis");
});

test("several queries share range and crosshair, and one that is wrong leaves the others alone", async ({ page, open, console }) => {
  await fill(console);
  const query = (text: string) => `q=${encodeURIComponent(text)}`;
  await open(`/monitoring/metrics?${query("shop_requests_total")}&${query("room_temperature")}&${query("nope(")}&range=15m`);
  const panel = (name: string) => page.getByRole("region", { name: `Query ${name}`, exact: true });
  await expect(panel("C").getByRole("alert")).toBeVisible();
  const first = page.getByRole("slider", { name: "Query A over time" });
  await expect(first).toBeVisible();
  await first.focus();
  await page.keyboard.press("ArrowLeft");
  await expect(page.locator(".crosshair")).toHaveCount(2);
  await panel("C").getByRole("link", { name: "Remove query C" }).click();
  await expect(panel("C")).toHaveCount(0);
  await panel("A").getByRole("link", { name: "Turn off query A" }).click();
  await expect(panel("A")).toContainText("Not asked while it is off");
  await expect(page).toHaveURL(/off=a/);
  await panel("B").getByRole("link", { name: "Duplicate query B" }).click();
  await expect(panel("C").getByRole("textbox")).toHaveValue("room_temperature");
  await page.getByRole("link", { name: "Add query" }).click();
  await expect(panel("D").getByRole("textbox")).toHaveValue("");
  await page.getByRole("link", { name: /shop_requests_total/ }).click();
  await expect(panel("D").getByRole("textbox")).toHaveValue("sum(rate(shop_requests_total[5m]))");
});

test("a histogram is shown as quantiles, heatmap and table, and an example opens its trace", async ({ page, open, console }) => {
  const trace = await fill(console);
  await open("/monitoring/metrics?find=order&range=15m");
  await page.getByRole("link", { name: /order_duration_seconds/ }).click();
  const panel = page.getByRole("region", { name: "Query A", exact: true });
  await expect(panel.getByRole("button", { name: /^p9[59]/ })).toHaveCount(2);
  await page.getByRole("link", { name: "Areas" }).click();
  await expect(page).toHaveURL(/view=area/);
  await page.getByRole("link", { name: "Bars" }).click();
  await expect(page).toHaveURL(/view=bar/);
  await page.getByRole("link", { name: "Table", exact: true }).click();
  const table = page.getByRole("table", { name: "Values of query A" });
  await expect(table.getByRole("row")).toHaveCount(4);
  await expect(table).toContainText("ms");
  await page.getByRole("link", { name: "Buckets", exact: true }).click();
  await expect(panel.locator(".heat-cell").first()).toBeVisible();
  await expect(page).toHaveURL(/view=heatmap/);
  await page.getByRole("link", { name: "Quantiles" }).click();
  await panel.getByText(/traced example/).click();
  await expect(panel.locator(".exemplar").first()).toBeVisible();
  await panel.getByRole("link", { name: `trace ${trace.slice(0, 8)}` }).first().click();
  await expect(page).toHaveURL(new RegExp(`/monitoring/traces/${trace}`));
});

test("a tenant without metrics is shown how to send some", async ({ page, open, console }) => {
  // Console puts its own metrics into the first tenant.
  await console.call("tenants/add", { name: "acme" });
  await open("/monitoring/metrics");
  await page.getByRole("button", { name: "User menu" }).click();
  await page.getByLabel("Switch to").selectOption("acme");
  await page.getByRole("button", { name: "Switch", exact: true }).click();
  await hydrated(page);
  await expect(page.getByRole("main")).toContainText("No metrics received yet");
  await expect(page.getByRole("main")).toContainText(`${console.address}/prometheus/api/v1/write`);
});

test("what matches nothing can be cleared, and a range without samples widened", async ({ page, open, console }) => {
  await fill(console);
  await open("/monitoring/metrics?find=nothing-is-called-like-this");
  await expect(page.getByText("No metrics match")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page.getByRole("link", { name: /room_temperature/ })).toBeVisible();
  await open("/monitoring/metrics?q=room_temperature&range=1577880000000-1577883600000");
  await expect(page.getByText("No samples in this time range")).toBeVisible();
  await open(`/monitoring/metrics?q=${encodeURIComponent('room_temperature{room="cellar"}')}`);
  await page.getByRole("main").getByRole("button", { name: "Clear filters" }).click();
  await expect(page.getByRole("slider", { name: "Query A over time" })).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the page is a form that works", async ({ page, console, guard }) => {
    guard.allow(/\.js: csp|\.wasm was preloaded .* but not used/);
    await fill(console);
    await page.goto("/monitoring/metrics");
    await page.getByRole("link", { name: /room_temperature/ }).click();
    const editor = page.getByRole("textbox", { name: "Query A" });
    await expect(editor).toHaveValue("room_temperature");
    await expect(page.locator(".chart-drawing svg")).toBeVisible();
    await editor.fill("sum(");
    await page.getByRole("button", { name: "Run" }).click();
    await expect(page.getByRole("alert")).toContainText("nclosed left parenthesis");
    await page.getByRole("link", { name: "Table", exact: true }).click();
    await editor.fill("shop_requests_total");
    await page.getByRole("button", { name: "Run" }).click();
    await expect(page.getByRole("table", { name: "Values of query A" }).getByRole("row")).toHaveCount(4);
  });
});

test.describe("with room for few series", () => {
  // Those of Console itself are among them.
  test.use({ environment: { CONSOLE_INGEST__SERIES_PER_TENANT: "1500" } });

  test("samples that are refused are told of, with the label that has too many values", async ({ page, open, console }) => {
    const users = Array.from({ length: 2000 }, (_, user) => ({ labels: { user: `u${user}` }, values: [1, 2] }));
    await sendGauge(console, "logins", "Who is here.", users);
    await open("/monitoring/metrics");
    const told = page.getByRole("region", { name: "Metrics" }).getByText("samples were refused");
    await expect(told).toBeVisible();
    await expect(page.getByText("its label `user` has")).toBeVisible();
    await judge(page, "metrics with too many series");
  });
});
