import AxeBuilder from "@axe-core/playwright";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import type { Console } from "../support/console.ts";
import { expect, hydrated, newTraceId, test } from "../support/test.ts";

interface LineToSend {
  service: string;
  message: string;
  /** Seconds ago. */
  ago: number;
  level?: "DEBUG" | "INFO" | "WARN" | "ERROR";
  attributes?: Record<string, string | number>;
  trace?: string;
  span?: string;
}

const severity = { DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 };

/** Sends lines as an OpenTelemetry exporter does. */
async function sendLines(console: Console, lines: LineToSend[]): Promise<void> {
  const value = (text: string | number) => (typeof text === "number" ? { intValue: text } : { stringValue: text });
  const resourceLogs = lines.map((line) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: line.service } }] },
    scopeLogs: [
      {
        logRecords: [
          {
            timeUnixNano: (BigInt(Date.now() - line.ago * 1000) * 1_000_000n).toString(),
            severityNumber: severity[line.level ?? "INFO"],
            body: { stringValue: line.message },
            traceId: line.trace,
            spanId: line.span,
            attributes: Object.entries(line.attributes ?? {}).map(([key, text]) => ({ key, value: value(text) })),
          },
        ],
      },
    ],
  }));
  const response = await fetch(`${console.address}/v1/logs`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ resourceLogs }),
  });
  if (!response.ok) throw new Error(`/v1/logs was answered with ${response.status}: ${await response.text()}`);
}

/** A service of a test's own, and its lines: payments, of which every fifth fails, with what tells them apart. */
async function sendPayments(console: Console): Promise<string> {
  const service = `pay-${randomBytes(4).toString("hex")}`;
  const lines = Array.from({ length: 40 }, (_, n): LineToSend => {
    const failed = n % 5 === 0;
    return {
      service,
      message: failed ? `payment ${1000 + n} failed: card declined` : `payment ${1000 + n} taken`,
      ago: 1500 - n * 30,
      level: failed ? "ERROR" : "INFO",
      attributes: { "http.status": failed ? 502 : 200, shop: n % 2 === 0 ? "Berlin Mitte" : "Hamburg" },
    };
  });
  await sendLines(console, lines);
  return service;
}

const search = (page: Page) => page.getByRole("searchbox", { name: "Search log lines" });
const rows = (page: Page) => page.getByRole("log").locator("li");

test("a search has phrases, fields, expressions and what must not be", async ({ page, open, console }) => {
  const service = await sendPayments(console);
  await open(`/monitoring/logs?service=${service}`);
  for (const [text, count] of [
    ['"card declined"', 8],
    ["payment -failed", 32],
    ["level:error shop:hamburg", 4],
    ["http.status:>=500", 8],
    ["/payment 10[01]0 /", 2],
    ['-shop:"Berlin Mitte" taken', 16],
  ] as const) {
    await search(page).fill(text);
    await expect(page.getByRole("status").filter({ hasText: "match" })).toHaveText(`${count} match`);
    await expect(rows(page)).toHaveCount(count);
  }
  await page.getByRole("button", { name: 'Remove -shop:"Berlin Mitte"' }).click();
  await expect(search(page)).toHaveValue("taken");
  await expect(rows(page)).toHaveCount(32);
});

test("a mistake in a search is explained at its field and loses nothing", async ({ page, open, console, guard }) => {
  guard.allow(/422|\/fn\/logs/);
  const service = await sendPayments(console);
  await open(`/monitoring/logs?service=${service}&search=failed`);
  await expect(rows(page)).toHaveCount(8);
  await search(page).fill('failed "card');
  await search(page).press("Enter");
  await expect(page.getByRole("alert")).toContainText("quote at character 8 has no end");
  await expect(search(page)).toHaveValue('failed "card');
  await expect(search(page)).toHaveAttribute("aria-invalid", "true");
  await expect(rows(page)).toHaveCount(8);

  await search(page).fill("/card (/");
  await expect(page.locator(".search-problem")).toContainText("unclosed group");
  await search(page).fill("/card (declined|stolen)/");
  await expect(rows(page)).toHaveCount(8);
  await expect(page.locator(".search-problem")).toHaveCount(0);
});

test("live lines pass the same search", async ({ page, open, console }) => {
  const service = await sendPayments(console);
  await open(`/monitoring/logs?service=${service}&search=http.status%3A%3E%3D500%20-stolen`);
  await expect(rows(page)).toHaveCount(8);
  const line = (message: string, status: number): LineToSend => ({
    service,
    message,
    ago: 0,
    attributes: { "http.status": status },
  });
  await sendLines(console, [line("card stolen", 502), line("all is well", 200), line("no answer", 504)]);
  await expect(page.getByRole("log")).toContainText("no answer");
  await expect(rows(page)).toHaveCount(9);
});

test("a line keeps its place, its focus and its number while others come before it", async ({ page, open, console }) => {
  const service = await sendPayments(console);
  await open(`/monitoring/logs?service=${service}`);
  await expect(rows(page).first()).toHaveAttribute("tabindex", "0");
  await rows(page).nth(1).focus();
  const focused = await page.evaluateHandle(() => document.activeElement);
  const line = (n: number): LineToSend => ({ service, message: `one more ${n}`, ago: 0 });
  await sendLines(console, [line(1), line(2), line(3)]);
  await expect(page.getByRole("log")).toContainText("one more 3");
  expect(await focused.evaluate((element) => element === document.activeElement)).toBe(true);
  const at = (name: string) => focused.evaluate((element, name) => (element as Element).getAttribute(name), name);
  await expect.poll(() => at("aria-posinset")).toBe("5");
  await expect(rows(page).first()).toHaveAttribute("aria-posinset", "1");
  expect(await at("aria-setsize")).toBe(await rows(page).last().getAttribute("aria-posinset"));
  expect(await at("tabindex")).toBe("0");
  await expect(page.getByRole("log").locator("li[tabindex='0']")).toHaveCount(1);
});

test("bars zoom and facets narrow, by pointer and by keyboard", async ({ page, open, console }) => {
  const service = await sendPayments(console);
  await open(`/monitoring/logs?service=${service}`);
  const facets = page.getByRole("complementary", { name: "Narrow the list" });
  await facets.getByRole("link", { name: /^ERROR/ }).click();
  await expect(page).toHaveURL(/search=level%3Aerror/);
  await expect(rows(page)).toHaveCount(8);
  await expect(facets.getByRole("link", { name: /^INFO/ })).toContainText("32");
  await facets.getByRole("link", { name: /^ERROR/ }).click();
  await expect(rows(page)).toHaveCount(40);

  await facets.locator("summary", { hasText: "shop" }).click();
  await facets.getByRole("link", { name: "Without shop = Hamburg" }).click();
  await expect(search(page)).toHaveValue("-shop:Hamburg");
  await expect(rows(page)).toHaveCount(20);
  await page.goBack();
  await expect(rows(page)).toHaveCount(40);

  const plot = page.getByRole("slider", { name: /Lines over time/ });
  const box = (await plot.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.6, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await expect(page).toHaveURL(/range=\d+/);
  await expect.poll(() => rows(page).count()).toBeLessThan(40);

  await page.goBack();
  await expect(rows(page)).toHaveCount(40);
  await plot.focus();
  await plot.press("Home");
  for (let step = 0; step < 45; step += 1) await plot.press("Shift+ArrowRight");
  await plot.press("Enter");
  await expect(page).toHaveURL(/range=\d+/);
  await expect.poll(() => rows(page).count()).toBeLessThan(40);
});

test("a line has an address of its own, lines around it, its trace and all like it", async ({ page, open, console }) => {
  const service = `line-${randomBytes(4).toString("hex")}`;
  const trace = newTraceId();
  const span = randomBytes(8).toString("hex");
  const hour = 3600;
  const around = [...Array(12).keys()].map((n) => ({ service, message: `step ${n}`, ago: 5 * hour - n }));
  const failure = { service, message: "failed after 17 ms", ago: 5 * hour - 5.5, level: "ERROR" as const, trace, span };
  const another = { service, message: "failed after 23 ms", ago: 60, level: "ERROR" as const };
  await sendLines(console, [...around, failure, another]);

  await open(`/monitoring/logs?service=${service}&range=6h&search=17`);
  await page.getByRole("log").getByRole("button", { name: "Fields" }).click();
  await page.getByRole("link", { name: "Lines around it" }).click();
  const panel = page.getByRole("complementary", { name: "Selected line" });
  await expect(panel.getByRole("listitem")).toHaveCount(11);
  await expect(panel.getByRole("listitem").nth(5)).toContainText("failed after 17 ms");
  await expect(panel.getByRole("listitem").nth(4)).toContainText("step 5");
  await expect(panel.getByRole("listitem").nth(6)).toContainText("step 6");
  await panel.getByRole("button", { name: "More lines" }).click();
  await expect(panel.getByRole("listitem")).toHaveCount(14);
  await expect(panel.getByRole("link", { name: "Open trace" })).toHaveAttribute(
    "href",
    `/monitoring/traces/${trace}?span=${span}`,
  );

  // The line is older than the last hour: its address shows it all the same.
  const id = /line=(\d+)/.exec(page.url())![1];
  await open(`/monitoring/logs?line=${id}`);
  await expect(panel).toContainText("failed after 17 ms");
  await page.keyboard.press("Escape");
  await expect(panel).toHaveCount(0);
  await expect(page).not.toHaveURL(/line=/);

  await open(`/monitoring/logs?range=6h&line=${id}`);
  await panel.getByRole("link", { name: "All like it" }).click();
  await expect(search(page)).toHaveValue('pattern:"failed after <*> ms"');
  await expect(rows(page).filter({ hasText: service })).toHaveCount(2);
});

test("a span leads to its lines, and they lead back", async ({ page, open, console }) => {
  const service = `span-${randomBytes(4).toString("hex")}`;
  const trace = newTraceId();
  const [span, other] = [randomBytes(8).toString("hex"), randomBytes(8).toString("hex")];
  const at = (ms: number) => (BigInt(Date.now() - 60_000 + ms) * 1_000_000n).toString();
  const spans = [span, other].map((spanId, place) => ({
    traceId: trace,
    spanId,
    parentSpanId: place === 0 ? undefined : span,
    name: `step ${place}`,
    kind: 1,
    startTimeUnixNano: at(place),
    endTimeUnixNano: at(100 - place),
  }));
  const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
  const response = await fetch(`${console.address}/v1/traces`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
  });
  expect(response.ok).toBe(true);
  const line = (message: string, spanId: string) => ({ service, message, ago: 60, trace, span: spanId });
  await sendLines(console, [line("first", span), line("second", span), line("of the other", other)]);

  await open(`/monitoring/traces/${trace}?span=${span}`);
  await page.getByRole("link", { name: "These lines in the logs" }).click();
  await expect(rows(page)).toHaveCount(2);
  await expect(search(page)).toHaveValue(`span_id:${span}`);
  await page.getByRole("log").getByRole("button", { name: "Fields" }).first().click();
  await page.getByRole("log").getByRole("link", { name: "Open trace" }).click();
  await expect(page).toHaveURL(new RegExp(`/monitoring/traces/${trace}\\?span=${span}`));
  await expect(page.getByRole("complementary", { name: "Selected span" })).toBeVisible();
});

test("patterns gather lines, mark new ones, and lead to them", async ({ page, open, console }) => {
  const service = await sendPayments(console);
  await sendLines(console, [{ service, message: "disk 3 is full", ago: 5, level: "WARN" }]);
  await open(`/monitoring/logs?service=${service}&range=30m`);
  await page.getByRole("navigation", { name: "View" }).getByRole("link", { name: "Patterns" }).click();
  const pattern = (text: string) => page.getByRole("row").filter({ hasText: text });
  await expect(pattern("payment <*> taken")).toContainText("32");
  await expect(pattern("payment <*> failed: card declined")).toContainText("ERROR");
  await expect(pattern("disk <*> is full")).toContainText("new");
  await expect(pattern("payment <*> taken")).not.toContainText("new");
  await pattern("payment <*> failed").getByRole("link").click();
  await expect(rows(page)).toHaveCount(8);
  await expect(search(page)).toHaveValue('pattern:"payment <*> failed: card declined"');
});

test("an export has every line, far beyond a page", async ({ page, open, console }) => {
  const service = `bulk-${randomBytes(4).toString("hex")}`;
  const lines = Array.from({ length: 4500 }, (_, n): LineToSend => ({ service, message: `line ${n}`, ago: 900 - n / 10 }));
  await sendLines(console, lines);
  await open(`/monitoring/logs?service=${service}`);
  const saved = async (format: string) => {
    await page.getByText("Export").click();
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: format, exact: true }).click();
    return readFile(await (await download).path(), "utf8");
  };
  expect(JSON.parse(await saved("JSON"))).toHaveLength(4500);
  const ndjson = (await saved("NDJSON")).trim().split("\n");
  expect(new Set(ndjson.map((line) => JSON.parse(line).message)).size).toBe(4500);
  expect((await saved("CSV")).trim().split("\r\n")).toHaveLength(4501);
});

test("the explorer is useful without scripts and accessible", async ({ browser, page, open, console }) => {
  const service = await sendPayments(console);
  // Another browser context: what cannot be loaded there is no problem here.
  const context = await browser.newContext({ javaScriptEnabled: false });
  await context.addCookies([{ name: "console_session", value: console.session, url: console.address }]);
  const plain = await context.newPage();
  await plain.goto(`${console.address}/monitoring/logs?service=${service}&search=failed`);
  await expect(plain.getByRole("log").locator("li")).toHaveCount(8);
  await plain.getByRole("complementary", { name: "Narrow the list" }).getByRole("link", { name: /^ERROR/ }).click();
  await expect(plain.getByRole("log").locator("li")).toHaveCount(8);
  await plain.getByRole("link", { name: "Patterns" }).click();
  await expect(plain.getByRole("row")).toHaveCount(2);
  await context.close();

  for (const address of [`?service=${service}`, `?service=${service}&view=patterns`]) {
    await open(`/monitoring/logs${address}`);
    await hydrated(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((one) => `${one.id}: ${one.nodes[0]?.html}`)).toEqual([]);
  }
});
