import { expect, test } from "../support/test.ts";

test("brushing a chart zooms every chart in, and back zooms out", async ({ page, open }) => {
  await open("/monitoring?range=15m");
  const chart = page.getByRole("slider", { name: /CPU and memory/ });
  await chart.scrollIntoViewIfNeeded();
  const box = (await chart.boundingBox())!;
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.3, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, y, { steps: 5 });
  await page.mouse.move(box.x + box.width * 0.7, y, { steps: 5 });
  await page.mouse.up();
  await expect(page).toHaveURL(/range=\d+-\d+/);
  const [from, to] = new URL(page.url()).searchParams.get("range")!.split("-").map(Number);
  const minutes = (to - from) / 60_000;
  // About two fifths of a quarter of an hour.
  expect(minutes).toBeGreaterThan(4);
  expect(minutes).toBeLessThan(8);

  await page.goBack();
  await expect(page).toHaveURL(/range=15m/);
});
