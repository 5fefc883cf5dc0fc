import { expect, hydrated, test } from "../support/test.ts";

test("the time range is in the address, survives a reload, and back undoes it", async ({ page, open }) => {
  await open("/monitoring");
  const range = page.getByRole("button", { name: /Time range: Last 1 hour/ });
  await range.click();
  await page.getByRole("link", { name: "Last 15 minutes" }).click();
  await expect(page).toHaveURL(/range=15m/);
  const chosen = page.getByRole("button", { name: /Time range: Last 15 minutes/ });
  await expect(chosen).toBeVisible();

  await page.reload();
  await hydrated(page);
  await expect(page).toHaveURL(/range=15m/);
  await expect(chosen).toBeVisible();

  await page.goBack();
  await expect(page).not.toHaveURL(/range=/);
  await expect(range).toBeVisible();
});

test("filters of the pipelines are in the address", async ({ page, open, console }) => {
  await console.deliver("push.json");
  await open("/monitoring/pipelines");
  const pushed = page.getByRole("link", { name: /Raise the customer API's rate limit/ });
  await expect(pushed).toBeVisible();
  await page.getByRole("combobox", { name: "Status" }).selectOption("failed");
  await expect(page).toHaveURL(/status=failed/);
  await expect(pushed).toHaveCount(0);

  await page.reload();
  await hydrated(page);
  await expect(page.getByRole("combobox", { name: "Status" })).toHaveValue("failed");
  await expect(pushed).toHaveCount(0);

  await page.goBack();
  await expect(pushed).toBeVisible();
});

test("the range goes along from page to page", async ({ page, open }) => {
  await open("/monitoring?range=6h");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Logs" }).click();
  await expect(page).toHaveURL(/\/monitoring\/logs\?.*range=6h/);
});
