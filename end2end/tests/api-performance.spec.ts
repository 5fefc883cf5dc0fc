import { judge } from "../support/accessibility.ts";
import type { Console } from "../support/console.ts";
import { sendTrace, type SpanToSend } from "../support/spans.ts";
import { expect, hydrated, test } from "../support/test.ts";

const SERVER = 2;

/** A request that a service answered. */
function request(service: string, method: string, route: string, took: number, status: number): SpanToSend {
  return {
    service,
    name: `${method} ${route}`,
    at: 0,
    took,
    kind: SERVER,
    failed: status >= 500,
    attributes: {
      "http.request.method": method,
      "http.route": route,
      "http.response.status_code": String(status),
    },
  };
}

/** Slow orders of which one fails, fast carts, and stock. */
async function sell(console: Console): Promise<void> {
  for (let n = 0; n < 4; n++) await sendTrace(console, [request("shop", "POST", "/orders", 1800, n === 0 ? 503 : 201)]);
  for (let n = 0; n < 6; n++) await sendTrace(console, [request("shop", "GET", "/carts/{id}", 20, 200)]);
  await sendTrace(console, [request("stock", "GET", "/stock", 60, 200)]);
}

test("from the endpoint that hurts to an example trace", async ({ page, open, console }) => {
  await sell(console);
  await open("/monitoring");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "API" }).click();
  await expect(page).toHaveURL(/\/monitoring\/api/);
  const table = page.getByRole("table", { name: "Endpoints", exact: true });
  const first = table.getByRole("row").nth(1);
  await expect(first).toContainText("/orders");
  await expect(page.getByRole("table", { name: "Endpoints over time" })).toBeVisible();

  // Sorted by another column, and from its other end.
  await page.getByRole("combobox", { name: "Service" }).selectOption("shop");
  await expect(table.getByRole("row")).toHaveCount(3);
  await table.getByRole("link", { name: "req/s" }).click();
  await expect(page).toHaveURL(/sort=rate/);
  await expect(first).toContainText("/carts/:id");
  await expect(table.getByRole("columnheader", { name: "req/s" })).toHaveAttribute("aria-sort", "descending");
  await table.getByRole("link", { name: "req/s" }).click();
  await expect(page).toHaveURL(/reverse=1/);
  await expect(first).toContainText("/orders");

  // What matters is in the address.
  await page.getByRole("searchbox", { name: "Search endpoints" }).fill("ord");
  await expect(page).toHaveURL(/search=ord/);
  await expect(table.getByRole("row")).toHaveCount(2);
  await page.reload();
  await hydrated(page);
  await expect(table.getByRole("row")).toHaveCount(2);
  await expect(page.getByRole("combobox", { name: "Service" })).toHaveValue("shop");

  // The endpoint opens in place.
  await table.getByRole("link", { name: /\/orders/ }).click();
  await expect(page).toHaveURL(/endpoint=POST%20%2Forders&of=shop/);
  const panel = page.getByRole("region", { name: "POST /orders" });
  await expect(panel.getByText("503").or(panel.getByText("5xx 1 (25 %)"))).toBeVisible();
  await page.reload();
  await hydrated(page);
  const durations = panel.getByRole("table", { name: "Requests by duration over time" });
  await durations.getByRole("link").first().click();
  await expect(page).toHaveURL(/from_ms=1000&to_ms=2000/);
  const calls = panel.getByRole("list", { name: "Traced requests" });
  await expect(calls.getByRole("listitem").first()).toContainText("failed");
  await calls.getByRole("link").first().click();
  await expect(page).toHaveURL(/\/monitoring\/traces\/[0-9a-f]{32}\?span=/);
  await expect(page.getByRole("main")).toContainText("deadlock detected");
  await page.goBack();
  await panel.getByRole("link", { name: "Close the cell" }).click();
  await expect(calls).toHaveCount(0);
  await panel.getByRole("link", { name: "Close", exact: true }).click();
  await expect(panel).toHaveCount(0);
});

test("failing endpoints tell what goes wrong and open its traces", async ({ page, open, console }) => {
  await sell(console);
  await open("/monitoring/api");
  await page.getByRole("navigation", { name: "Which endpoints" }).getByRole("link", { name: "Failing" }).click();
  await expect(page).toHaveURL(/view=errors/);
  const hotspots = page.getByRole("region", { name: "Error hotspots" });
  await expect(hotspots).toContainText("deadlock detected");
  await expect(hotspots).toContainText("1 of 4 requests failed, 25 %");
  await hotspots.getByRole("link", { name: "Traces", exact: true }).click();
  await expect(page).toHaveURL(/service=shop&operation=POST%20%2Forders&status=errors/);
  await expect(page.getByRole("table", { name: "Traces" }).getByRole("row")).toHaveCount(2);
  await page.goBack();
  await hotspots.getByRole("link", { name: "Log lines" }).click();
  await expect(page).toHaveURL(/\/monitoring\/logs\?.*trace_id=/);

  await open("/monitoring/api?view=slow&target=5000");
  await expect(page.getByRole("main")).toContainText("No endpoints match");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page.getByRole("table", { name: "Endpoints", exact: true })).toBeVisible();
});

test("an endpoint is compared with another period, and its charts draw that too", async ({ page, open, console }) => {
  await sell(console);
  await open("/monitoring/api?endpoint=POST%20%2Forders&of=shop");
  const panel = page.getByRole("region", { name: "POST /orders" });
  await expect(panel).toContainText("It had no request in the compared range (period before)");
  await page.getByRole("button", { name: "Compare with the period before" }).click();
  await page.getByRole("link", { name: "Yesterday" }).click();
  await expect(page).toHaveURL(/compare=yesterday/);
  await expect(panel).toContainText("It had no request in the compared range (yesterday)");
});

test("before anything was received the page says how to send it", async ({ page, open }) => {
  await open("/monitoring/api?service=shop");
  await expect(page.getByRole("main")).toContainText(/No endpoints match|No requests received yet/);
});

test("an address of the older pages leads here", async ({ page, open }) => {
  await open("/ui/monitoring/api?range=6h");
  await expect(page).toHaveURL(/\/monitoring\/api\?range=6h/);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the page shows endpoints and one of them", async ({ page, console, guard }) => {
    // The browser was told not to run the scripts that the page names.
    guard.allow(/\.js: csp|\.wasm was preloaded .* but not used/);
    await sell(console);
    await page.goto("/monitoring/api?service=shop");
    const table = page.getByRole("table", { name: "Endpoints", exact: true });
    await expect(table.getByRole("row")).toHaveCount(3);
    await table.getByRole("link", { name: /\/orders/ }).click();
    const panel = page.getByRole("region", { name: "POST /orders" });
    await expect(panel.getByRole("table", { name: "Requests by duration over time" })).toBeVisible();
    await expect(page.getByRole("region", { name: "Errors", exact: true })).toContainText("deadlock detected");
  });
});

for (const colorScheme of ["dark", "light"] as const) {
  for (const width of [1440, 390]) {
    test.describe(`${colorScheme}, ${width} px`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 } });

      test("the page and an endpoint's panel have no serious accessibility problem", async ({ page, open, console }) => {
        await sell(console);
        for (const path of ["/monitoring/api?view=errors", "/monitoring/api?endpoint=POST%20%2Forders&of=shop&metric=errors"]) {
          await open(path);
          await judge(page, path);
        }
      });
    });
  }
}
