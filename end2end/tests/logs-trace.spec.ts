import { expect, newTraceId, test } from "../support/test.ts";

test("a click on a trace id shows only its lines, live ones too, until it is cleared", async ({
  page,
  open,
  console,
}) => {
  const wanted = newTraceId();
  const other = newTraceId();
  await console.warnInTrace(wanted);
  await console.warnInTrace(other);
  await open("/monitoring/logs?level=warn");
  const lines = page.getByRole("log");
  const badge = (traceId: string) => lines.getByRole("button", { name: `Filter by trace ${traceId.slice(0, 8)}` });
  await expect(badge(wanted)).toHaveCount(1);
  await expect(badge(other)).toHaveCount(1);

  await badge(wanted).click();
  await expect(page).toHaveURL(new RegExp(`trace_id=${wanted}`));
  await expect(badge(other)).toHaveCount(0);
  await expect(badge(wanted)).toHaveCount(1);
  await expect(page.getByRole("main")).toContainText(/\b1 match/);

  await console.warnInTrace(other);
  await console.warnInTrace(wanted);
  await expect(badge(wanted)).toHaveCount(2);
  await expect(badge(other)).toHaveCount(0);

  await page.getByRole("button", { name: "Clear trace filter" }).click();
  await expect(page).not.toHaveURL(/trace_id=/);
  await expect(badge(other)).toHaveCount(2);
});
