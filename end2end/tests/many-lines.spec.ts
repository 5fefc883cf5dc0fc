import { expect, test } from "../support/test.ts";

test("a long log is drawn in a window and scrolls to its end", async ({ page, open, console }) => {
  for (let n = 0; n < 20; n++) {
    await Promise.all(Array.from({ length: 20 }, () => console.json("/v1/traces/stats")));
  }
  await expect
    .poll(async () => (await console.json<{ matched: number }>("/api/monitoring/logs?search=stats")).matched)
    .toBeGreaterThanOrEqual(400);
  await open("/monitoring/logs?search=stats");
  const lines = page.getByRole("log");
  const rows = lines.getByRole("listitem");
  await expect(rows.first()).toBeVisible();
  // The page keeps hundreds of lines and draws those that the window shows.
  expect(await rows.count()).toBeLessThan(150);
  await expect(async () => {
    await lines.evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await expect(page.getByText("No older lines in this range")).toBeInViewport({ timeout: 500 });
  }).toPass();
  // After a jump a few rows are drawn in each frame, the last ones some frames later.
  await expect
    .poll(async () => Number(await rows.last().getAttribute("aria-posinset")))
    .toBeGreaterThanOrEqual(400);
});
