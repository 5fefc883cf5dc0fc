import { judge } from "../support/accessibility.ts";
import type { Console } from "../support/console.ts";
import { growing, sendCounter, sendGauge } from "../support/metrics.ts";
import { expect, hydrated, keepSession, test } from "../support/test.ts";

// What Console says of itself is there soon.
test.use({ environment: { CONSOLE_METRICS__OWN_INTERVAL_SECONDS: "1" } });

/** Requests of two regions, and rooms. */
async function fill(console: Console): Promise<void> {
  await sendCounter(console, "shop.requests", "Answered requests.", [
    { labels: { region: "north", pod: "n-1" }, values: growing(15) },
    { labels: { region: "north", pod: "n-2" }, values: growing(30) },
    { labels: { region: "south", pod: "s-1" }, values: growing(60) },
  ]);
  await sendGauge(console, "room_temperature", "How warm it is.", [{ labels: { room: "attic" }, values: growing(0.1) }]);
}

test("a dashboard is made, filled, saved, chosen from, exported, imported and removed", async ({ page, open, console }) => {
  await fill(console);
  await open("/monitoring/dashboards");
  await expect(page.getByRole("link", { name: "Hosts" })).toBeVisible();
  await page.getByRole("button", { name: "New dashboard" }).click();
  await page.getByLabel("Title", { exact: true }).fill("Shop");
  await page.getByLabel("What it is for").fill("Requests by region");

  // A variable of the regions.
  await page.getByRole("button", { name: "Add variable" }).click();
  await expect(page.getByLabel("Name of variable 1")).toBeFocused();
  await page.keyboard.type("$region");
  await page.getByLabel("Of these series of variable 1").fill("shop_requests_total");
  await page.getByLabel("The label of variable 1").fill("region");
  await page.getByLabel("What people read of variable 1").fill("Region");

  // A panel, with completion, a legend and a threshold.
  await page.getByRole("textbox", { name: "Title of the row" }).fill("Requests");
  await page.getByRole("button", { name: "Add panel" }).click();
  const title = page.locator(".board-panel-form").getByLabel("Title", { exact: true });
  await expect(title).toBeFocused();
  await title.fill("Requests by pod");
  const panel = page.getByRole("region", { name: "Requests by pod" });
  const editor = panel.getByRole("textbox", { name: "Query 1", exact: true });
  await editor.pressSequentially("room_te");
  await expect(panel.getByRole("option", { name: /room_temperature/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await editor.fill('sum by (pod) (rate(shop_requests_total{region="$region"}[5m]))');
  await page.keyboard.press("Enter");
  await panel.getByRole("textbox", { name: "Legend of query 1" }).fill("pod {{pod}}");
  await panel.getByRole("button", { name: "Add threshold" }).click();
  await panel.getByRole("spinbutton", { name: "Threshold 1" }).fill("3");
  await panel.getByLabel("What it tells and how it is read").fill("How busy each pod is.\nMore than 3/s is much.");
  await judge(page, "a dashboard that is changed");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Edit", exact: true })).toBeVisible();

  // Charts, variables and help.
  await expect(panel.getByRole("slider", { name: "Requests by pod over time" })).toBeVisible();
  await expect(panel.getByRole("button", { name: /^pod / })).toHaveCount(3);
  await panel.getByLabel("What Requests by pod tells").click();
  await expect(panel).toContainText("More than 3/s is much.");
  await page.getByLabel("Region: All").click();
  await page.getByRole("checkbox", { name: "north" }).check();
  await expect(page).toHaveURL(/var=region%3Anorth/);
  await expect(panel.getByRole("button", { name: /^pod / })).toHaveCount(2);
  await page.reload();
  await hydrated(page);
  await expect(panel.getByRole("button", { name: /^pod / })).toHaveCount(2);
  await page.getByRole("link", { name: "Explore Requests by pod" }).click();
  await expect(page.getByRole("textbox", { name: "Query A" })).toHaveValue(
    'sum by (pod) (rate(shop_requests_total{region="north"}[5m]))',
  );
  await page.goBack();

  // What is exported can be imported.
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe("shop.json");
  const path = await file.path();
  await open("/monitoring/dashboards?import=1");
  const form = page.getByRole("region", { name: "Import a dashboard" });
  await form.getByLabel("What stands in it").fill('{"titel": "x"}');
  await form.getByRole("button", { name: "Import" }).click();
  await expect(form.getByRole("alert")).toContainText("titel");
  await form.getByLabel("A file that was exported").setInputFiles(path);
  await expect(form.getByLabel("What stands in it")).toHaveValue(/Requests by pod/);
  await form.getByRole("button", { name: "Import" }).click();
  await expect(page.getByRole("heading", { name: "Shop" })).toBeVisible();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page).toHaveURL(/\/monitoring\/dashboards$/);
  await expect(page.getByRole("link", { name: "Shop" })).toHaveCount(1);
});

test("what is being changed stays until it is saved, and nobody writes over others", async ({ page, open, console, guard }) => {
  await fill(console);
  const panels = ["room_temperature", "sum(shop_requests_total)"].map((text) => ({ title: text, queries: [{ text }] }));
  const made = await console.call<{ id: string; revision: number }>("dashboards/add", {
    dashboard: { title: "Rooms", rows: [{ panels }] },
  });
  const path = `/monitoring/dashboards/${made.id}`;
  await open(path);
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  const titles = page.locator(".board-panel h3");
  await page.getByRole("button", { name: "Move on: room_temperature" }).click();
  await expect(titles).toHaveText(["sum(shop_requests_total)", "room_temperature"]);
  await page.getByRole("button", { name: "Duplicate room_temperature" }).click();
  await expect(titles).toHaveCount(3);

  // Elsewhere and back, and loaded anew.
  await page.getByRole("link", { name: "Logs" }).click();
  await expect(page).toHaveURL(/logs/);
  await page.goBack();
  await expect(titles).toHaveCount(3);
  await page.reload();
  await hydrated(page);
  await expect(titles).toHaveCount(3);

  guard.allow(/409/);
  await console.call("dashboards/change", {
    id: made.id,
    change: { revision: 1, dashboard: { title: "Rooms of others", rows: [{ panels }] } },
  });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("Somebody else has changed it");
  await page.getByRole("button", { name: "Discard" }).click();
  await expect(titles).toHaveCount(2);
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole("heading", { name: "Rooms of others" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Edit", exact: true })).toBeVisible();
});

test("what is chosen is what is asked, and what is typed while it is saved stays", async ({ page, open, console }) => {
  await fill(console);
  const panels = [{ title: "Pods", queries: [{ text: 'count(shop_requests_total{pod=~"$pods",region=~"$begins.*"})' }], view: "number" }];
  const label = { kind: "label", series: "shop_requests_total", label: "pod" };
  const variables = [
    { name: "pods", source: label, is_multi: true },
    { name: "begins", source: { kind: "text" }, default: ["nor"] },
  ];
  const add = (title: string) => console.call<{ id: string }>("dashboards/add", { dashboard: { title, variables, rows: [{ panels }] } });
  const [first, second] = [await add("First"), await add("Second")];
  await open(`/monitoring/dashboards/${first.id}`);
  const number = page.getByRole("region", { name: "Pods" }).locator(".kpi-number");
  await expect(number).toHaveText("2");
  await page.getByLabel("begins").fill("");
  await page.getByLabel("begins").press("Enter");
  await expect(number).toHaveText("3");
  await expect(page.getByLabel("begins")).toHaveValue("");

  // Two choices, the second before the first is answered.
  let isSlow = true;
  await page.route("**/fn/dashboards/view", async (route) => {
    if (isSlow) await new Promise((then) => setTimeout(then, 800));
    await route.continue();
  });
  await page.getByLabel("pods: All").click();
  await page.getByRole("checkbox", { name: "n-1" }).check();
  await page.getByRole("checkbox", { name: "s-1" }).check();
  await expect(number).toHaveText("2");
  await expect(page).toHaveURL(/var=pods%3An-1&var=pods%3As-1/);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("checkbox", { name: "n-1" })).toBeHidden();

  // What is typed while it is saved is not lost.
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Title", { exact: true }).fill("First of all");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByLabel("What it is for").fill("Typed meanwhile");
  await expect(page.getByText("Changes are stored when you save.")).toBeVisible();
  await expect(page.getByLabel("What it is for")).toHaveValue("Typed meanwhile");
  isSlow = false;
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Edit", exact: true })).toBeVisible();

  // Another one shows nothing of this one.
  await page.getByRole("link", { name: "Dashboards" }).click();
  await page.getByRole("link", { name: "Second" }).click();
  await expect(page.getByRole("heading", { name: "Second" })).toBeVisible();
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await expect(page.getByLabel("Title", { exact: true })).toHaveValue("Second");
  await expect(page).toHaveURL(new RegExp(second.id));
});

test("a query of the explorer becomes a panel", async ({ page, open, console }) => {
  await fill(console);
  await open("/monitoring/metrics?q=room_temperature&view=area");
  await page.getByText("Add to dashboard").click();
  await page.getByLabel("Title of the panel").fill("Attic");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("link", { name: "New dashboard" }).click();
  const panel = page.getByRole("region", { name: "Attic" });
  await expect(panel.getByRole("slider", { name: "Attic over time" })).toBeVisible();
});

test("what is shipped shows Console and says why a panel is empty", async ({ page, open, context, console }) => {
  await open("/monitoring/dashboards/console?range=5m");
  const memory = page.getByRole("region", { name: "Memory" });
  await expect(memory.getByRole("slider", { name: "Memory over time" })).toBeVisible({ timeout: 40_000 });
  await expect(page.getByRole("button", { name: "Edit", exact: true })).toHaveCount(0);
  await judge(page, "a dashboard that is shipped");
  await open("/monitoring/dashboards/hosts?range=5m");
  await expect(page.getByRole("region", { name: "Memory in use" })).toContainText("Why is it empty?");
  await open("/monitoring/dashboards/essentials?range=5m");
  await expect(page.getByRole("region", { name: "HTTP requests/s" }).getByRole("slider")).toBeVisible({ timeout: 40_000 });

  // A copy is changed.
  await page.getByRole("button", { name: "Make a copy" }).click();
  await expect(page.getByLabel("Title", { exact: true })).toHaveValue("Essentials (copy)");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.", { exact: true })).toBeVisible();

  // Who leaves at once finds it saved.
  const copy = page.url();
  await page.goto("about:blank");
  await page.goto(copy);
  await expect(page.getByRole("button", { name: "Edit", exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Save", exact: true })).toHaveCount(0);

  // Who only looks has nothing to change.
  await page.goto("about:blank");
  await context.clearCookies();
  await keepSession(context, console, await console.addUser("ola@example.com", "viewer"));
  await open("/monitoring/dashboards");
  await expect(page.getByRole("button", { name: "New dashboard" })).toHaveCount(0);
  await page.getByRole("link", { name: "Essentials (copy)" }).click();
  await expect(page.getByRole("link", { name: "Export" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Edit", exact: true })).toHaveCount(0);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a dashboard is there", async ({ page, console, guard }) => {
    guard.allow(/\.js: csp|\.wasm was preloaded .* but not used/);
    await fill(console);
    const panels = [{ title: "Attic", view: "number", queries: [{ text: "room_temperature" }] }];
    const { id } = await console.call<{ id: string }>("dashboards/add", { dashboard: { title: "Rooms", rows: [{ panels }] } });
    await page.goto(`/monitoring/dashboards/${id}`);
    await expect(page.getByRole("region", { name: "Attic" })).toContainText(/3\.\d/);
  });
});
