import { expect, test } from "../support/test.ts";

test("? shows the keys and Escape closes them", async ({ page, open }) => {
  await open("/monitoring");
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  await expect(dialog).toContainText(/search/i);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
});

test("Ctrl K goes anywhere", async ({ page, open }) => {
  await open("/monitoring");
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.type("logs");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/monitoring\/logs/);
});

test("/ searches, and keys typed there are text", async ({ page, open }) => {
  await open("/monitoring/logs");
  await page.keyboard.press("/");
  const search = page.getByRole("searchbox", { name: "Search log lines" });
  await expect(search).toBeFocused();
  await page.keyboard.type("t?j");
  await expect(search).toHaveValue("t?j");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("t opens the time range", async ({ page, open }) => {
  await open("/monitoring");
  await page.keyboard.press("t");
  await expect(page.getByRole("link", { name: "Last 15 minutes" })).toBeVisible();
});

test("j and k walk the rows and Enter opens one", async ({ page, open, console }) => {
  const first = await console.deliver("push.json");
  const second = await console.deliver("tag-push.json");
  await open("/monitoring/pipelines");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(first.body.trace_id));
  await page.goBack();
  // The heading and both pipelines: nobody presses keys at rows that are not there yet.
  await expect(page.getByRole("table").getByRole("row")).toHaveCount(3);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(second.body.trace_id));
});
