import { admin, expect, keepSession, test } from "../support/test.ts";

test("a session that is ended elsewhere is out at once", async ({ page, open, console, browser }) => {
  const other = await browser.newContext({ baseURL: console.address });
  await keepSession(other, console, await console.signIn(admin.email, admin.password));
  const theirs = await other.newPage();
  await open("/monitoring/logs", theirs);

  await open("/settings/account");
  await expect(page.getByText("this browser", { exact: false }).first()).toBeVisible();
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  const dialog = page.getByRole("dialog");
  if (await dialog.isVisible()) await dialog.getByRole("button", { name: /Sign out/ }).click();
  await theirs.waitForURL(/\/login\?problem=ended/, { timeout: 15_000 });
  await expect(theirs.getByText("You were signed out.")).toBeVisible();
  await open("/monitoring/logs");
  await other.close();
});
