import { admin, expect, hydrated, test } from "../support/test.ts";

test.use({ visitor: "stranger", environment: { CONSOLE_AUTH__LOGINS_PER_ACCOUNT: "4" } });

test("signing in leads where one wanted to go, signing out leads back", async ({ page, open, guard }) => {
  await open("/monitoring/logs?level=warn");
  await expect(page).toHaveURL(/\/login\?next=/);
  await page.getByLabel("E-mail").fill(admin.email);
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  guard.allow(/401/);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "do not go together" })).toBeVisible();
  await expect(page.getByLabel("E-mail")).toHaveValue(admin.email);
  await expect(page.getByLabel("Password", { exact: true })).toBeFocused();

  await page.getByLabel("Password", { exact: true }).fill(admin.password);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/monitoring/logs?level=warn");
  await hydrated(page);

  await page.getByRole("button", { name: "User menu" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/login");
  await page.goto("/monitoring");
  await expect(page).toHaveURL(/\/login\?next=/);
});

test("too many wrong passwords are stopped for a while", async ({ page, open, guard }) => {
  guard.allow(/401|429/);
  await open("/login");
  await page.getByLabel("E-mail").fill(admin.email);
  const limited = page.getByRole("alert").filter({ hasText: "Too many tries" });
  for (let tries = 0; tries < 6 && !(await limited.isVisible()); tries++) {
    await page.getByLabel("Password", { exact: true }).fill(`wrong wrong ${tries}`);
    const answered = page.waitForResponse("**/api/v1/auth/login");
    await page.getByRole("button", { name: "Sign in" }).click();
    await answered;
    await expect(page.getByRole("button", { name: "Sign in" })).toBeEnabled();
  }
  await expect(limited).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("one signs in and out all the same", async ({ page, guard }) => {
    // The browser was told not to run the scripts that the page names.
    guard.allow(/\.js: csp|\.wasm was preloaded .* but not used/);
    await page.goto("/monitoring/pipelines");
    await page.getByLabel("E-mail").fill(admin.email);
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert").filter({ hasText: "do not go together" })).toBeVisible();
    await page.getByLabel("E-mail").fill(admin.email);
    await page.getByLabel("Password", { exact: true }).fill(admin.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page).toHaveURL(/\/monitoring\/pipelines$/);
    await page.getByRole("button", { name: "User menu" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page).toHaveURL(/\/login$/);
  });
});
