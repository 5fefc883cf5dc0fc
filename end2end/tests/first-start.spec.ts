import { expect, hydrated, test } from "../support/test.ts";

test.use({ visitor: "first" });

test("the link of the first start makes an administrator, once", async ({ page, open, console, guard }) => {
  const link = /http:\S+\/welcome\?token=\S+/.exec(console.log)?.[0] ?? "";
  expect(link, "the server prints a link").not.toBe("");

  await open(link);
  await page.getByLabel("E-mail").fill("ines@example.com");
  await page.getByLabel("Name").fill("Ines Lindqvist");
  await page.getByLabel("Password", { exact: true }).fill("password1234");
  guard.allow(/\/api\/v1\/auth\/welcome/);
  await page.getByRole("button", { name: "Create the first administrator" }).click();
  await expect(page.getByLabel("Password", { exact: true })).toHaveAccessibleDescription(/easy to guess/);

  await page.getByLabel("Password", { exact: true }).fill("kupferner Wasserhahn 3");
  await page.getByRole("button", { name: "Create the first administrator" }).click();
  await page.waitForURL("**/monitoring");
  await hydrated(page);
  await page.getByRole("button", { name: "User menu" }).click();
  await expect(page.getByText("ines@example.com")).toBeVisible();

  guard.allow(/answer 404: .*welcome|console error: .*404/);
  await open(link);
  await expect(page.getByRole("heading", { name: "This link no longer works" })).toBeVisible();
});
