import { expect, hydrated, test } from "../support/test.ts";

test("switching the tenant shows that tenant's data and no other, in every tab", async ({ page, open, console, context }) => {
  await console.deliver("push.json");
  await open("/settings/tenants");
  await page.getByLabel("Name").fill("acme");
  await page.getByRole("button", { name: /Make tenant|Add tenant/ }).click();
  await expect(page.getByRole("row").filter({ hasText: "acme" })).toBeVisible();

  const second = await context.newPage();
  await open("/monitoring/pipelines", second);
  await expect(second.getByText(/Raise the customer API's rate limit/).first()).toBeVisible();

  await open("/monitoring/pipelines");
  await page.getByRole("button", { name: "User menu" }).click();
  await page.getByLabel("Switch to").selectOption("acme");
  await page.getByRole("button", { name: "Switch", exact: true }).click();
  await hydrated(page);
  await expect(page.getByText(/Raise the customer API's rate limit/)).toHaveCount(0);
  // The other tab's stream ends with the tenant that it belonged to.
  await expect(second.getByText(/Raise the customer API's rate limit/)).toHaveCount(0, { timeout: 15_000 });
});
