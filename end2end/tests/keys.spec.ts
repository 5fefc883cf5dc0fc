import { execFileSync } from "node:child_process";
import { expect, test } from "../support/test.ts";

test("a key is made with commands that work as pasted, until it is revoked", async ({ page, open }) => {
  await open("/settings/keys");
  await page.getByLabel("Name").fill("dashboard");
  await page.getByLabel("read data").check();
  await page.getByRole("button", { name: "Make key" }).click();
  const made = page.getByRole("region", { name: "The new key" });
  await expect(made.locator("pre")).toHaveCount(3);
  const [secret, me, read] = await made.locator("pre").allInnerTexts();
  const run = (command: string) => execFileSync("sh", ["-c", command], { encoding: "utf8", stdio: "pipe" });
  expect(JSON.parse(run(me))).toMatchObject({ role: "viewer", tenant: { name: "default" } });
  expect(JSON.parse(run(read))).toHaveProperty("traces");

  await open("/settings/keys");
  const row = page.getByRole("row").filter({ hasText: "dashboard" });
  await expect(row).toContainText(secret.slice(0, 10));
  await expect(page.getByText(secret)).toHaveCount(0);
  await row.getByRole("button", { name: /Revoke/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await expect(row.getByText("Revoked")).toBeVisible();
  expect(run(me)).toContain("unauthorized");
});
