import { expect, test } from "../support/test.ts";

for (const path of ["/monitoring/logs", "/monitoring/pipelines"]) {
  test(`filters that were just typed are cleared for good on ${path}`, async ({ page, open, console }) => {
    await console.deliver("push.json");
    await open(path);
    const search = page.getByRole("searchbox");
    await search.fill("zzzz");
    const clear = page.getByRole("button", { name: "Clear filters" });
    await expect(clear).toBeVisible();
    await clear.click();
    await expect(search).toHaveValue("");
    await expect(clear).toBeHidden();
    // Longer than typing may pause: nothing comes after it.
    await page.waitForTimeout(400);
    await expect(page).not.toHaveURL(/search=/);
    await page.reload();
    await expect(search).toHaveValue("");
  });
}

test("clearing filters by keyboard leads on to the search", async ({ page, open, console }) => {
  await console.deliver("push.json");
  await open("/monitoring/logs?search=nothing-is-called-like-this");
  await page.getByRole("button", { name: "Clear filters" }).press("Enter");
  await expect(page.getByRole("searchbox")).toBeFocused();
});
