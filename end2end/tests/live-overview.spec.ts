import { expect, expectSameDocument, markDocument, newTraceId, test } from "../support/test.ts";

test("the overview's log panel and its figures move by themselves", async ({ page, open, console }) => {
  await open("/monitoring?range=5m");
  await markDocument(page);
  const traceId = newTraceId();
  await console.warnInTrace(traceId);
  await expect(page.getByRole("log")).toContainText(traceId.slice(0, 8));

  // The endpoint of that request comes with a tick.
  const endpoints = page.getByRole("region", { name: "Endpoints" });
  await expect(endpoints.getByRole("row", { name: /\/webhooks\/gitlab/ })).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole("list", { name: "Key figures" })).toContainText(/CPU.*?\d+%/);
  await expectSameDocument(page);
});

test("charts share one crosshair, by pointer and by keyboard", async ({ page, open }) => {
  await open("/monitoring?range=5m");
  const latency = page.getByRole("slider", { name: /Latency/ });
  await latency.focus();
  const before = await latency.getAttribute("aria-valuenow");
  await page.keyboard.press("ArrowLeft");
  await expect(latency).not.toHaveAttribute("aria-valuenow", before!);
  const now = await latency.getAttribute("aria-valuenow");
  await expect(page.getByRole("slider", { name: /CPU and memory/ })).toHaveAttribute("aria-valuenow", now!);
});
