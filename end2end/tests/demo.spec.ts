import { expect, test } from "../support/test.ts";

interface List {
  total: number;
}

test("demonstration data is made and removed by a button each", async ({ page, open, console }) => {
  await console.deliver("push.json");
  await open("/monitoring/pipelines");
  await page.getByRole("button", { name: "Create demonstration traces" }).click();
  await expect.poll(async () => (await console.json<List>("/v1/traces")).total).toBeGreaterThan(1);
  await page.getByRole("button", { name: /Remove demonstration data/ }).click();
  await expect.poll(async () => (await console.json<List>("/v1/traces")).total).toBe(1);
  await expect(page.getByRole("link", { name: /Raise the customer API's rate limit/ })).toBeVisible();
});

test.describe("where it is not enabled", () => {
  test.use({ environment: { CONSOLE_DEMO__ENABLED: "false" } });

  test("demonstration data cannot be made", async ({ page, open }) => {
    await open("/monitoring/pipelines");
    await expect(page.getByRole("main")).toContainText("No pipeline traces received yet");
    await expect(page.getByRole("button", { name: /demonstration/ })).toHaveCount(0);
  });
});
