import type { Page } from "@playwright/test";
import { judge } from "../support/accessibility.ts";
import { sendLine, sendTrace, type SpanToSend } from "../support/spans.ts";
import { expect, hydrated, newTraceId, test } from "../support/test.ts";

/** A request through three services: the last insert waits for a lock and fails. */
const order: SpanToSend[] = [
  { service: "gateway", name: "POST /v1/orders", at: 0, took: 1931, failed: true },
  { service: "gateway", name: "auth.verify", at: 4, took: 11, parent: 0 },
  { service: "orders", name: "order.insert", at: 20, took: 1900, parent: 0, failed: true },
  { service: "orders", name: "cart.load", at: 25, took: 38, parent: 2, attributes: { "cart.id": "u4411" } },
  {
    service: "postgres",
    name: "INSERT INTO order_lines",
    at: 220,
    took: 1668,
    parent: 2,
    failed: true,
    attributes: { "db.system": "postgresql", "db.rows": "412" },
  },
];

function rows(page: Page) {
  return page.getByRole("listitem").filter({ has: page.locator("[data-row-open]") });
}

function row(page: Page, name: string) {
  return rows(page).filter({ hasText: name });
}

test("a trace is found by what one of its spans says, and opened", async ({ page, open, console }) => {
  const { trace } = await sendTrace(console, order);
  await sendTrace(console, [{ service: "search", name: "GET /v1/search", at: 0, took: 12 }]);
  await open("/monitoring/traces");
  const table = page.getByRole("table", { name: "Traces" });
  await expect(table.getByRole("link", { name: "POST /v1/orders" })).toBeVisible();
  await expect(table.getByRole("link", { name: "GET /v1/search" })).toBeVisible();

  const condition = page.getByRole("textbox", { name: "Condition on an attribute" });
  await condition.fill("cart.id");
  await condition.press("Enter");
  await expect(page.getByRole("alert")).toContainText("no condition");
  await condition.fill("cart.id = u4411");
  await condition.press("Enter");
  await expect(page).toHaveURL(/attribute=cart\.id/);
  await expect(table.getByRole("link", { name: "GET /v1/search" })).toHaveCount(0);
  await expect(page.getByRole("list", { name: "Chosen filters" })).toContainText("cart.id = u4411");

  await page.reload();
  await hydrated(page);
  await expect(table.getByRole("row")).toHaveCount(2);
  await table.getByRole("link", { name: "POST /v1/orders" }).click();
  await expect(page).toHaveURL(new RegExp(`/monitoring/traces/${trace}`));
  await expect(page.getByRole("heading", { name: "POST /v1/orders" })).toBeVisible();
});

test("a facet narrows the list and back, and filters are cleared", async ({ page, open, console }) => {
  await sendTrace(console, order);
  await sendTrace(console, [{ service: "search", name: "GET /v1/search", at: 0, took: 12 }]);
  await open("/monitoring/traces");
  const facets = page.getByRole("complementary", { name: "Narrow the list" });
  const found = page.getByRole("table", { name: "Traces" }).getByRole("link", { name: "GET /v1/search" });
  await facets.getByRole("link", { name: /^With errors/ }).click();
  await expect(page).toHaveURL(/status=errors/);
  await expect(found).toHaveCount(0);
  await page.goBack();
  await expect(found).toBeVisible();

  await page.getByRole("searchbox", { name: "Search traces" }).fill("nothing is called like this");
  await expect(page.getByText("No traces match")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(found).toBeVisible();
});

test("a selected span shows its attributes and its log line, and the address keeps it", async ({
  page,
  open,
  console,
}) => {
  const { trace, spans } = await sendTrace(console, order);
  await sendLine(console, trace, spans[4], "process 4121 waits for a lock");
  await open(`/monitoring/traces/${trace}`);
  await row(page, "INSERT INTO order_lines").getByRole("button").last().click();
  const panel = page.getByRole("complementary", { name: "Selected span" });
  await expect(panel).toContainText("deadlock detected");
  await expect(panel).toContainText("db.system");
  await expect(panel.getByRole("log", { name: "Log lines of this span" })).toContainText("process 4121 waits for a lock");
  await expect(page).toHaveURL(new RegExp(`span=${spans[4]}`));

  await page.reload();
  await hydrated(page);
  await expect(panel).toContainText("postgresql");
  await page.keyboard.press("Escape");
  await expect(panel).toHaveCount(0);
  await expect(page).not.toHaveURL(/span=/);
});

test("an attribute leads to the traces with it", async ({ page, open, console }) => {
  const { trace, spans } = await sendTrace(console, order);
  await open(`/monitoring/traces/${trace}?span=${spans[4]}`);
  await page.getByRole("link", { name: "Find traces with this db.rows" }).click();
  await expect(page.getByRole("list", { name: "Chosen filters" })).toContainText("db.rows = 412");
  await expect(page.getByRole("link", { name: "POST /v1/orders" })).toBeVisible();
});

test("rows fold, by a click, by a key and by level", async ({ page, open, console }) => {
  const { trace } = await sendTrace(console, order);
  await open(`/monitoring/traces/${trace}`);
  await expect(rows(page)).toHaveCount(5);
  await row(page, "order.insert").getByRole("button", { name: "2 spans under this one" }).click();
  await expect(rows(page)).toHaveCount(3);
  await expect(row(page, "cart.load")).toHaveCount(0);
  await row(page, "order.insert").focus();
  await page.keyboard.press("]");
  await expect(rows(page)).toHaveCount(5);
  await page.keyboard.press("[");
  await expect(rows(page)).toHaveCount(3);
  await page.getByRole("button", { name: "Show 1 level" }).click();
  await expect(rows(page)).toHaveCount(1);
  await page.getByRole("button", { name: "Unfold all" }).click();
  await expect(rows(page)).toHaveCount(5);
});

test("e leads from error to error, and the search from match to match", async ({ page, open, console }) => {
  const { trace, spans } = await sendTrace(console, order);
  await open(`/monitoring/traces/${trace}`);
  for (const place of [0, 2, 4, 0]) {
    await page.keyboard.press("e");
    await expect(page).toHaveURL(new RegExp(`span=${spans[place]}`));
  }
  await page.keyboard.press("Shift+E");
  await expect(page).toHaveURL(new RegExp(`span=${spans[4]}`));

  await page.getByRole("button", { name: "Show 1 level" }).click();
  await page.getByRole("searchbox", { name: "Find spans" }).fill("cart");
  await expect(page.getByRole("status").filter({ hasText: "1 match" })).toBeVisible();
  await page.getByRole("button", { name: "Next match" }).click();
  await expect(page).toHaveURL(new RegExp(`span=${spans[3]}`));
  await expect(row(page, "cart.load")).toBeVisible();
});

test("the selected row is marked, zoomed to, and the one that Tab reaches", async ({ page, open, console }) => {
  const { trace } = await sendTrace(console, order);
  await open(`/monitoring/traces/${trace}`);
  const bar = row(page, "cart.load").locator(".span-bar").first();
  await expect(bar).toHaveAttribute("width", /^1\.9/);
  // The line does what its button does.
  await row(page, "cart.load").locator(".span-lane").click();
  await expect(row(page, "cart.load").getByRole("button").last()).toHaveAttribute("aria-current", "true");
  await expect(rows(page).and(page.locator("[tabindex='0']"))).toHaveCount(1);
  await expect(row(page, "cart.load")).toHaveAttribute("tabindex", "0");
  await page.keyboard.press("z");
  await expect(bar).toHaveAttribute("width", /^[5-9]\d\./);
  await page.keyboard.press("0");
  await expect(bar).toHaveAttribute("width", /^1\.9/);

  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(row(page, "INSERT INTO").getByRole("button").last()).toHaveAttribute("aria-current", "true");
  await expect(page.locator("[aria-current='true'][data-row-open]")).toHaveCount(1);
  await row(page, "order.insert").getByRole("button", { name: "2 spans under this one" }).click();
  await expect(row(page, "order.insert")).toHaveAttribute("aria-posinset", "3");
  await expect(row(page, "order.insert")).toHaveAttribute("aria-setsize", "3");
});

test("a trace is also a flame graph, sums and log lines", async ({ page, open, console }) => {
  const { trace, spans } = await sendTrace(console, order);
  await sendLine(console, trace, spans[4], "process 4121 waits for a lock");
  await open(`/monitoring/traces/${trace}`);
  const views = page.getByRole("navigation", { name: "View" });

  await views.getByRole("link", { name: "Flame graph" }).click();
  const flame = page.getByRole("application");
  await flame.focus();
  await flame.press("ArrowDown");
  await flame.press("ArrowDown");
  await expect(page).toHaveURL(new RegExp(`span=${spans[1]}`));

  await views.getByRole("link", { name: "Statistics" }).click();
  await page.getByRole("link", { name: "By operation" }).click();
  await page.getByRole("columnheader", { name: "Longest" }).getByRole("link").click();
  await expect(page.getByRole("table").getByRole("row").nth(1)).toContainText("POST /v1/orders");

  await views.getByRole("link", { name: "Logs" }).click();
  const lines = page.getByRole("log", { name: "Log lines of this trace" });
  await expect(lines).toContainText("process 4121 waits for a lock");
});

test("traces that arrive are told, and shown when they are asked for", async ({ page, open, console }) => {
  await open("/monitoring/traces");
  await sendTrace(console, order);
  const table = page.getByRole("table", { name: "Traces" });
  // An empty page fills by itself; a list waits for its reader.
  await expect(table.getByRole("link", { name: "POST /v1/orders" })).toBeVisible({ timeout: 15_000 });
  await sendTrace(console, [{ service: "search", name: "GET /v1/search", at: 0, took: 12 }]);
  await page.getByRole("button", { name: "1 new trace" }).click({ timeout: 15_000 });
  await expect(table.getByRole("link", { name: "GET /v1/search" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Refresh" })).toBeVisible();
});

test("log lines stand between the spans when they are asked for", async ({ page, open, console }) => {
  const { trace, spans } = await sendTrace(console, order);
  await sendLine(console, trace, spans[2], "the order is complete");
  await sendLine(console, trace, spans[4], "process 4121 waits for a lock");
  await open(`/monitoring/traces/${trace}`);
  await expect(rows(page)).toHaveCount(5);
  await page.getByRole("button", { name: "Log lines" }).click();
  await expect(page).toHaveURL(/lines=1/);
  await expect(rows(page)).toHaveCount(7);
  await expect(row(page, "process 4121 waits for a lock").getByRole("link")).toHaveAttribute("href", /line=/);

  await page.reload();
  await hydrated(page);
  await expect(rows(page)).toHaveCount(7);
  // Folded away, a span takes its lines with it.
  await page.getByRole("button", { name: "Show 2 levels" }).click();
  await expect(row(page, "process 4121")).toHaveCount(0);
  await expect(row(page, "the order is complete")).toBeVisible();
  await page.getByRole("button", { name: "Log lines" }).click();
  await expect(row(page, "the order is complete")).toHaveCount(0);

  await page.getByRole("button", { name: "Log lines" }).click();
  await row(page, "the order is complete").getByRole("link").click();
  await expect(page).toHaveURL(/\/monitoring\/logs/);
  await expect(page.getByText("the order is complete").first()).toBeVisible();
});

test("a log line opens its trace", async ({ page, open, console }) => {
  const { trace, spans } = await sendTrace(console, order);
  await sendLine(console, trace, spans[4], "process 4121 waits for a lock");
  await open(`/monitoring/logs?trace_id=${trace}`);
  await page.getByRole("log").getByRole("button", { name: "Fields" }).first().click();
  await page.getByRole("link", { name: "Open trace" }).click();
  await expect(page).toHaveURL(new RegExp(`/monitoring/traces/${trace}\\?span=${spans[4]}`));
  await expect(page.getByRole("complementary", { name: "Selected span" })).toContainText("db.system");
});

test("an unknown trace says so, and where else to look", async ({ page, open, guard }) => {
  guard.allow(/404/);
  const trace = newTraceId();
  await open(`/monitoring/traces/${trace}`);
  await expect(page.getByText("No span of a trace with this id is here")).toBeVisible();
  await expect(page.getByRole("link", { name: "Log lines with this id" })).toHaveAttribute("href", new RegExp(trace));
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the list and the waterfall are there", async ({ page, console, guard }) => {
    // The browser was told not to run the scripts that the pages name.
    guard.allow(/\.js: csp|\.wasm was preloaded .* but not used/);
    const { trace, spans } = await sendTrace(console, order);
    await page.goto("/monitoring/traces");
    await page.getByRole("link", { name: "POST /v1/orders" }).click();
    await expect(rows(page)).toHaveCount(5);
    await page.goto(`/monitoring/traces/${trace}?span=${spans[4]}`);
    await expect(page.getByRole("complementary", { name: "Selected span" })).toContainText("db.system");
  });
});

for (const theme of ["dark", "light"] as const) {
  for (const width of [1440, 390]) {
    test.describe(`${theme}, ${width} px`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 } });

      test("no page of traces has a serious accessibility problem or scrolls sideways", async ({
        page,
        open,
        console,
      }) => {
        const { trace, spans } = await sendTrace(console, order);
        await sendLine(console, trace, spans[4], "process 4121 waits for a lock");
        const paths = [
          "/monitoring/traces",
          "/monitoring/traces?status=errors&attribute=cart.id%20exists&min_ms=5",
          "/monitoring/traces?search=nothing-is-called-like-this",
          `/monitoring/traces/${trace}`,
          `/monitoring/traces/${trace}?span=${spans[4]}&find=insert`,
          `/monitoring/traces/${trace}?tab=flame`,
          `/monitoring/traces/${trace}?tab=statistics&by=operation`,
          `/monitoring/traces/${trace}?tab=logs`,
        ];
        for (const path of paths) {
          await test.step(path, async () => {
            await open(path);
            await judge(page, path);
          });
        }
      });
    });
  }
}

test("what sets a selection apart is told, and narrows the list", async ({ page, open, console }) => {
  for (const [version, failed] of [["1.4", false], ["1.4", false], ["1.5", true], ["1.5", true]] as const) {
    const attributes = { "app.version": version, "http.route": "/v1/orders" };
    await sendTrace(console, [{ service: "orders", name: "POST /v1/orders", at: 0, took: 40, failed, attributes }]);
  }
  await open("/monitoring/traces");
  await expect(page.getByRole("link", { name: "What sets these traces apart?" })).toHaveCount(0);
  await page.getByRole("link", { name: /^With errors/ }).click();
  await page.getByRole("link", { name: "What sets these traces apart?" }).click();
  const apart = page.getByRole("region", { name: "What sets these traces apart" });
  const first = apart.getByRole("row").nth(1);
  await expect(first).toContainText("app.version");
  await expect(first).toContainText("1.5");
  await expect(first).toContainText("100 %");
  // What all of them have is nothing that sets some apart.
  await expect(apart).not.toContainText("http.route");
  await first.getByRole("link", { name: "1.5" }).click();
  await expect(page.getByRole("list", { name: "Chosen filters" })).toContainText("app.version = 1.5");
  await page.reload();
  await hydrated(page);
  await expect(apart).toBeVisible();
});

test("a trace is compared with another one of its kind", async ({ page, open, console }) => {
  const quick = order.map((span) => ({ ...span, took: span.took / 10, failed: false }));
  await sendTrace(console, quick);
  const { trace } = await sendTrace(console, order);
  await open(`/monitoring/traces/${trace}`);
  await page.getByRole("link", { name: "Compare", exact: true }).click();
  const panel = page.getByRole("region", { name: "Compare with another trace" });
  await panel.getByRole("link", { name: "typical" }).click();
  await expect(page).toHaveURL(/with=[0-9a-f]{32}/);
  await expect(panel).toContainText("longer than");
  const first = panel.getByRole("row").nth(1);
  await expect(first).toContainText("INSERT INTO order_lines");
  await expect(first).toContainText("+1.50 s");

  await page.reload();
  await hydrated(page);
  await expect(first).toContainText("INSERT INTO order_lines");
  const other = panel.getByRole("textbox", { name: "Trace id" });
  await other.fill("nothing");
  await panel.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("alert")).toContainText("32 hexadecimal digits");
});
