import type { Locator, Page } from "@playwright/test";
import { type Console, freePort } from "../support/console.ts";
import { newestSamples, type Otel, Services } from "../support/services.ts";
import { test as base, expect } from "../support/test.ts";

type Protocol = "http/protobuf" | "http/json" | "grpc";

/** How the services send: to Console's own port, or to one of those that are for OpenTelemetry. */
interface Way {
  protocol: Protocol;
  to: "pages" | "http" | "grpc";
  /** What is not as usual. */
  more?: Otel;
}

interface Fixtures {
  ports: { http: number; grpc: number };
  services: Services;
}

const test = base.extend<Fixtures & { way: Way }>({
  way: [{ protocol: "http/protobuf", to: "http" }, { option: true }],

  ports: async ({}, use) => {
    await use({ http: await freePort(), grpc: await freePort() });
  },

  // Nobody may send without a key, so what arrives was sent with one.
  environment: async ({ ports }, use) => {
    await use({
      CONSOLE_OTLP__HTTP_ADDR: `127.0.0.1:${ports.http}`,
      CONSOLE_OTLP__GRPC_ADDR: `127.0.0.1:${ports.grpc}`,
      CONSOLE_AUTH__INGEST_FROM_LOOPBACK: "false",
    });
  },

  services: async ({ console, ports, way }, use, info) => {
    const endpoints = { pages: console.address, ...addresses(ports) };
    const otel: Otel = {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoints[way.to],
      OTEL_EXPORTER_OTLP_HEADERS: `Authorization=Bearer%20${await ingestKey(console)}`,
      OTEL_SEMCONV_STABILITY_OPT_IN: "http",
      ...way.more,
    };
    const stock = way.protocol === "http/json" ? jsonOfPython : { OTEL_EXPORTER_OTLP_PROTOCOL: way.protocol };
    const services = await Services.start({
      shop: { ...otel, OTEL_EXPORTER_OTLP_PROTOCOL: way.protocol },
      stock: { ...otel, ...stock },
    });
    await use(services);
    if (info.status !== info.expectedStatus) {
      await info.attach("what the services printed", { body: services.log, contentType: "text/plain" });
    }
    await services.stop();
  },
});

/** The SDK for Python knows its JSON exporters by their names only. */
const jsonOfPython: Otel = {
  OTEL_TRACES_EXPORTER: "otlp_json_http",
  OTEL_METRICS_EXPORTER: "otlp_json_http",
  OTEL_LOGS_EXPORTER: "otlp_json_http",
};

function addresses(ports: Fixtures["ports"]) {
  return { http: `http://127.0.0.1:${ports.http}`, grpc: `http://127.0.0.1:${ports.grpc}` };
}

async function ingestKey(console: Console): Promise<string> {
  const request = { name: "services", can_ingest: true, can_read: false, expires_in_days: null };
  return (await console.call<{ secret: string }>("keys/add", { request })).secret;
}

/** An order that can be had and one that nobody has ever heard of; then the services end, so all of it was sent. */
async function orderAndStop(services: Services): Promise<void> {
  expect(await services.order("anvil")).toBe(200);
  expect(await services.order("dragon")).toBe(500);
  await services.stop();
  const complaint = /export failed|failed to export|exporter.*error|partial/i;
  expect(services.log, "what the SDKs say of sending").not.toMatch(complaint);
}

/** The row of the failed order in the list of traces. */
function failedOrder(page: Page): Locator {
  const row = page.getByRole("table", { name: "Traces" }).getByRole("row").filter({ hasText: "GET /orders/:item" });
  return row.filter({ hasText: "with errors" });
}

async function expectBothServices(row: Locator): Promise<void> {
  const services = row.getByRole("listitem");
  await expect(services.filter({ hasText: "shop" })).toContainText("with errors");
  await expect(services.filter({ hasText: "stock" })).toContainText("with errors");
}

/** Counters and histograms of both services, as one order of a dragon leaves them. */
async function expectSamples(page: Page, console: Console): Promise<void> {
  const samples = await newestSamples(page.request, console.address);
  const of = (name: string, labels: Record<string, string>) =>
    samples
      .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
      .map(({ value }) => value);
  const shop = { job: "shop", shop_item: "dragon" };
  const stock = { job: "stock", stock_item: "dragon" };
  expect(of("shop_orders_total", shop)).toEqual([1]);
  expect(of("shop_order_duration_seconds_count", shop)).toEqual([1]);
  expect(of("shop_order_duration_seconds_bucket", { ...shop, le: "+Inf" })).toEqual([1]);
  expect(of("stock_lookups_total", stock)).toEqual([1]);
  expect(of("stock_lookup_duration_seconds_count", stock)).toEqual([1]);
  expect(of("stock_lookup_duration_seconds_bucket", { ...stock, le: "+Inf" })).toEqual([1]);
  // What the instrumentations measure by themselves.
  const failed = { http_response_status_code: "500" };
  const measured = "http_server_request_duration_seconds_count";
  expect(of(measured, { ...failed, job: "shop", http_route: "/orders/:item" })).toEqual([1]);
  expect(of(measured, { ...failed, job: "stock", http_route: "/stock/<item>" })).toEqual([1]);
}

/** The routes of both services count among the endpoints, whatever their spans call what they say. */
async function expectEndpoints(page: Page): Promise<void> {
  const rows = page.getByRole("table", { name: "Endpoints, worst first" }).getByRole("row");
  await expect(rows.filter({ hasText: "/orders/:item" })).toContainText("shop");
  await expect(rows.filter({ hasText: "/stock/<item>" })).toContainText("stock");
}

/** Rows of the waterfall whose operation is called so, by the service. */
function spans(page: Page, service: string, operation: string): Locator {
  const open = page.locator(`[data-row-open][title="${service} ${operation}"]`);
  return page.getByRole("listitem").filter({ has: open });
}

async function select(page: Page, service: string, operation: string): Promise<Locator> {
  await spans(page, service, operation).getByRole("button").last().click();
  const panel = page.getByRole("complementary", { name: "Selected span" });
  await expect(panel.getByRole("heading", { name: `${service} · ${operation}`, exact: true })).toBeVisible();
  await expect(panel).toHaveAttribute("aria-busy", "false");
  return panel;
}

/** A row of a table of attributes. */
async function expectAttribute(panel: Locator, key: string, value: string): Promise<void> {
  const term = panel.getByRole("term").filter({ hasText: new RegExp(`^${key.replaceAll(".", "\\.")}$`) });
  await expect(term.locator("xpath=following-sibling::dd")).toContainText(value);
}

const ways: Way[] = [
  { protocol: "http/protobuf", to: "http" },
  { protocol: "http/json", to: "pages" },
  { protocol: "grpc", to: "grpc" },
];

for (const way of ways) {
  test.describe(`over ${way.protocol}`, () => {
    test.use({ way });

    test("an order through two services is one trace, with its errors, log lines and figures", async ({
      page,
      open,
      console,
      services,
    }) => {
      await orderAndStop(services);
      await open("/monitoring/traces");
      await expectSamples(page, console);
      await expectBothServices(failedOrder(page));
      await failedOrder(page).getByRole("link").first().click();
      await expect(page.getByRole("heading", { name: "GET /orders/:item" })).toBeVisible();
      const trace = /traces\/([0-9a-f]{32})/.exec(page.url())?.[1] ?? "";

      await test.step("spans stand below those that they belong to, across the services", async () => {
        const path = [
          spans(page, "shop", "GET /orders/:item"),
          spans(page, "shop", "place order"),
          spans(page, "shop", "GET"),
          spans(page, "stock", "GET /stock/<item>"),
          spans(page, "stock", "look up"),
        ];
        let above = 0;
        for (const row of path) {
          await expect(row.getByText("failed", { exact: true })).toHaveCount(1);
          const level = Number(await row.getAttribute("aria-level"));
          expect(level).toBeGreaterThan(above);
          above = level;
        }
      });

      await test.step("Python's exception is told with its stack, and the log line beside it", async () => {
        const panel = await select(page, "stock", "look up");
        await expect(panel).toContainText("UnknownItem");
        await expect(panel).toContainText("no shelf holds dragon");
        await expect(panel.getByLabel("Stack trace", { exact: true })).toContainText('stock.py", line');
        await expectAttribute(panel, "stock.item", "dragon");
        await expect(panel.getByRole("log", { name: "Log lines of this span" })).toContainText(
          "looking for dragon on the shelf",
        );
      });

      await test.step("Node's exception is told with its stack, and the log line beside it", async () => {
        const panel = await select(page, "shop", "place order");
        await expect(panel).toContainText("OrderFailed");
        await expect(panel).toContainText("the stock of dragon was answered with 500");
        await expect(panel.getByLabel("Stack trace", { exact: true })).toContainText("at place (");
        await expect(panel.getByRole("log", { name: "Log lines of this span" })).toContainText(
          "placing an order of dragon",
        );
      });

      await test.step("what the instrumentations say of the requests is there", async () => {
        const inner = await select(page, "stock", "GET /stock/<item>");
        await expectAttribute(inner, "http.route", "/stock/<item>");
        await expectAttribute(inner, "http.response.status_code", "500");
        await expectAttribute(inner, "telemetry.sdk.language", "python");
        const outer = await select(page, "shop", "GET /orders/:item");
        await expectAttribute(outer, "http.route", "/orders/:item");
        await expectAttribute(outer, "http.response.status_code", "500");
        await expectAttribute(outer, "telemetry.sdk.language", "nodejs");
      });

      await test.step("the log lines of both services carry the trace id", async () => {
        await page.getByRole("navigation", { name: "View" }).getByRole("link", { name: "Logs" }).click();
        const ofTrace = page.getByRole("log", { name: "Log lines of this trace" });
        await expect(ofTrace).toContainText("placing an order of dragon");
        await expect(ofTrace).toContainText("looking for dragon on the shelf");

        await open("/monitoring/logs?search=dragon");
        const lines = page.getByRole("log");
        for (const text of ["placing an order of dragon", "looking for dragon on the shelf"]) {
          const line = lines.getByRole("listitem").filter({ hasText: text });
          await expect(line.getByRole("button", { name: `Filter by trace ${trace.slice(0, 8)}` })).toBeVisible();
        }
      });

      await test.step("their routes are among the endpoints", async () => {
        await open("/monitoring?sort=errors");
        await expectEndpoints(page);
      });
    });
  });
}

test.describe("compressed, with deltas and exponential histograms", () => {
  const more: Otel = {
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta",
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: "base2_exponential_bucket_histogram",
  };
  for (const protocol of ["http/protobuf", "http/json", "grpc"] as const) {
    test.describe(`over ${protocol}`, () => {
      test.use({ way: { protocol, to: protocol === "grpc" ? "grpc" : "pages", more } });

      test("traces, log lines and figures arrive", async ({ page, open, console, services }) => {
        await orderAndStop(services);
        await open("/monitoring/traces");
        await expectSamples(page, console);
        await expectBothServices(failedOrder(page));
        await open("/monitoring/logs?search=dragon");
        await expect(page.getByRole("log")).toContainText("placing an order of dragon");
        await expect(page.getByRole("log")).toContainText("looking for dragon on the shelf");
      });
    });
  }
});

test.describe("where nothing is configured", () => {
  const standard = { http: 4318, grpc: 4317 };

  test.use({
    ports: async ({}, use, info) => {
      for (const port of Object.values(standard)) {
        const isFree = await freePort(port).then(() => true, () => false);
        info.skip(!isFree, `somebody listens on port ${port}, which this journey needs`);
      }
      await use(standard);
    },
    // As it is where nobody has configured Console either: who sends from this machine needs no key.
    environment: async ({ ports }, use) => {
      const { http, grpc } = ports;
      await use({ CONSOLE_OTLP__HTTP_ADDR: `127.0.0.1:${http}`, CONSOLE_OTLP__GRPC_ADDR: `127.0.0.1:${grpc}` });
    },
    // Console has to listen first, so that nothing is sent again later.
    services: async ({ console: _ }, use) => {
      const services = await Services.start({ shop: {}, stock: {} });
      await use(services);
      await services.stop();
    },
  });

  test("the SDKs of both languages find Console, and what they send appears", async ({ page, open, services }) => {
    expect(await services.order("dragon")).toBe(500);
    // Each SDK sends when it likes, which is every few seconds.
    await expect(async () => {
      await open("/monitoring/traces");
      await expectBothServices(failedOrder(page));
    }).toPass({ timeout: 40_000 });
    await open("/monitoring/logs?search=dragon");
    await expect(page.getByRole("log")).toContainText("placing an order of dragon");
    await expect(page.getByRole("log")).toContainText("looking for dragon on the shelf");
    await open("/monitoring?sort=errors");
    await expectEndpoints(page);
  });
});
