import { expect, newTraceId, test } from "../support/test.ts";

test("a paused log stands still, counts what waits, and shows it when resumed", async ({ page, open, console }) => {
  await open("/monitoring/logs?level=warn");
  const lines = page.getByRole("log");
  const before = newTraceId();
  const meanwhile = newTraceId();
  const badge = (traceId: string) => lines.getByRole("button", { name: `Filter by trace ${traceId.slice(0, 8)}` });
  await console.warnInTrace(before);
  await expect(badge(before)).toHaveCount(1);

  await page.getByRole("button", { name: "Pause" }).click();
  await console.warnInTrace(meanwhile);
  await console.warnInTrace(meanwhile);
  await expect(page.getByText(/2 new lines/)).toBeVisible();
  await expect(badge(meanwhile)).toHaveCount(0);

  await page.getByRole("button", { name: "Resume" }).click();
  await expect(badge(meanwhile)).toHaveCount(2);
  await expect(page.getByText(/new lines? wait/)).toHaveCount(0);
});
