import { expect, keepSession, test } from "../support/test.ts";

test("a viewer sees no button that would be refused", async ({ page, open, context, console, guard }) => {
  await console.json("/v1/traces/demo", { method: "POST" });
  await open("/monitoring/pipelines");
  await expect(page.getByRole("button", { name: /demonstration/i }).first()).toBeVisible();
  await expect(page.getByRole("link", { name: "Settings" })).toBeVisible();

  // The page's live stream ends with the session that it belongs to.
  await page.goto("about:blank");
  await context.clearCookies();
  await keepSession(context, console, await console.addUser("ola@example.com", "viewer"));
  await open("/monitoring/pipelines");
  await expect(page.getByRole("table")).toBeVisible();
  await expect(page.getByRole("button", { name: /demonstration/i })).toHaveCount(0);
  await open("/settings/account");
  const tabs = page.getByRole("navigation", { name: "Settings" });
  await expect(tabs.getByRole("link")).toHaveText(["Account", "Tenants", "Redaction"]);

  guard.allow(/403/);
  await open("/settings/users");
  await expect(page.getByText("Only administrators of this tenant see this page.")).toBeVisible();
});

test("an administrator invites somebody, changes their role, and keeps them out", async ({ page, open, browser }) => {
  await open("/settings/users");
  await page.getByLabel("E-mail").fill("ola@example.com");
  await page.getByLabel("Name").fill("Ola Berg");
  await page.getByRole("button", { name: "Add user" }).click();
  const link = await page.getByText(/\/welcome\?token=/).first().innerText();

  const other = await browser.newContext();
  const theirs = await other.newPage();
  await theirs.goto(link.trim());
  await theirs.locator("html[data-hydrated]").waitFor({ state: "attached" });
  await theirs.getByLabel("Password", { exact: true }).fill("kupferner Wasserhahn 4");
  await theirs.getByRole("button", { name: "Set password and sign in" }).click();
  await theirs.waitForURL("**/monitoring");

  await open("/settings/users");
  const row = page.getByRole("row").filter({ hasText: "ola@example.com" });
  await row.getByRole("combobox").selectOption("editor");
  await expect(page.getByText("ola@example.com is now editor.")).toBeVisible();
  await row.getByRole("button", { name: /Disable/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await expect(row.getByText("Disabled")).toBeVisible();
  // Their open page learns of it by itself.
  await theirs.waitForURL(/\/login/, { timeout: 20_000 });
  await other.close();
});
