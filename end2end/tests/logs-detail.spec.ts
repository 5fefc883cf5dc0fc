import { expect, newTraceId, test } from "../support/test.ts";

test("a line expands to its structured fields", async ({ page, open, console }) => {
  const traceId = newTraceId();
  await console.warnInTrace(traceId);
  await open(`/monitoring/logs?trace_id=${traceId}&level=warn`);
  const lines = page.getByRole("log");
  await lines.getByRole("button", { name: "Fields", expanded: false }).first().click();
  await expect(lines).toContainText(`"${traceId}"`);
});

test("searching finds lines by their words", async ({ page, open, console }) => {
  const traceId = newTraceId();
  await console.warnInTrace(traceId);
  await open("/monitoring/logs");
  await page.getByRole("searchbox", { name: "Search log lines" }).fill("deliv");
  await expect(page).toHaveURL(/search=deliv/);
  await expect(page.getByRole("log")).toContainText(traceId.slice(0, 8));
});
