import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { expect, newTraceId, test } from "../support/test.ts";

async function exported(page: Page, format: "JSON" | "CSV"): Promise<string> {
  await page.getByText("Export").click();
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: format, exact: true }).click();
  return readFile(await (await download).path(), "utf8");
}

test("what matches is exported as JSON and as CSV", async ({ page, open, console }) => {
  const traceId = newTraceId();
  await console.warnInTrace(traceId);
  await console.warnInTrace(newTraceId());
  await open(`/monitoring/logs?level=warn&trace_id=${traceId}`);
  await expect(page.getByRole("log").getByRole("button", { name: /Filter by trace/ })).toHaveCount(1);

  const records = JSON.parse(await exported(page, "JSON"));
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({ level: "warn", service: "console", trace_id: traceId });

  const csv = (await exported(page, "CSV")).trim().split(/\r?\n/);
  expect(csv).toHaveLength(2);
  expect(csv[0]).toMatch(/^id,timestamp,level,service/);
  expect(csv[1]).toContain(traceId);
});
