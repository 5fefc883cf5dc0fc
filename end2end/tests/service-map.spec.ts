import AxeBuilder from "@axe-core/playwright";
import { sendTrace, type SpanToSend } from "../support/spans.ts";
import { expect, hydrated, test } from "../support/test.ts";

const SERVER = 2;
const CLIENT = 3;

/** A shop that asks for the stock, which asks a database. */
const order: SpanToSend[] = [
  { service: "shop", name: "POST /orders", at: 0, took: 300, kind: SERVER, attributes: { "http.request.method": "POST", "http.route": "/orders" } },
  { service: "shop", name: "GET", at: 10, took: 200, parent: 0, kind: CLIENT },
  { service: "stock", name: "GET /stock", at: 20, took: 180, parent: 1, kind: SERVER, failed: true },
  {
    service: "stock",
    name: "SELECT",
    at: 30,
    took: 90,
    parent: 2,
    kind: CLIENT,
    attributes: { "db.system.name": "postgresql", "server.address": "stock-db" },
  },
];

test("calls between services make a map that leads to endpoints, traces and log lines", async ({
  page,
  open,
  console,
}) => {
  await open("/monitoring/map");
  await expect(page.getByRole("main")).toContainText("No services received yet");
  for (let times = 0; times < 3; times++) await sendTrace(console, order);

  await page.getByRole("navigation").getByRole("link", { name: "Overview", exact: true }).click();
  await page.getByRole("navigation").getByRole("link", { name: "Services" }).click();
  const map = page.getByRole("region", { name: "Service map" });
  await expect(map.getByRole("link", { name: /^shop/ })).toBeVisible();
  await expect(map.getByRole("link", { name: /^postgresql stock-db/ })).toBeVisible();
  const calls = page.getByRole("table", { name: "Calls between services" });
  await expect(calls.getByRole("row").nth(1)).toContainText("shop");
  await expect(calls.getByRole("row").nth(1)).toContainText("100 %");
  await expect(calls.getByRole("row")).toHaveCount(3);

  await map.getByRole("link", { name: /^shop/ }).click();
  await expect(page).toHaveURL(/node=shop/);
  const panel = page.getByRole("region", { name: "shop" });
  await expect(panel.getByRole("row").nth(1)).toContainText("POST /orders");
  await page.reload();
  await hydrated(page);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await panel.getByRole("link", { name: "Close" }).click();
  await expect(panel).toHaveCount(0);
  await page.goBack();
  await panel.getByRole("link", { name: "POST /orders" }).click();
  await expect(page).toHaveURL(/service=shop&attribute=http\.route/);
  await expect(page.getByRole("table", { name: "Traces" }).getByRole("row")).toHaveCount(4);
});
