import { expect, test } from "../support/test.ts";

test.use({ javaScriptEnabled: false });

test("without JavaScript the pages show figures, pipelines and log lines", async ({
  page,
  console,
  guard,
}) => {
  // The browser was told not to run the scripts that the page names.
  guard.allow(/\.js: csp|\.wasm was preloaded .* but not used/);
  const { body } = await console.deliver("push.json");
  // Figures of the first requests are committed within seconds.
  await expect(async () => {
    await page.goto("/monitoring");
    await expect(page.getByRole("table", { name: /Endpoints/ })).toBeVisible({ timeout: 1000 });
  }).toPass();
  const main = page.getByRole("main");
  for (const card of ["API p95", "Error rate", "CPU", "Memory"]) {
    await expect(main).toContainText(card);
  }
  await expect(main).toContainText("Raise the customer API's rate limit");
  await page.getByRole("link", { name: /customer-api/ }).click();
  await expect(main).toContainText("analyze_changes");

  await page.goto(`/monitoring/logs?trace_id=${body.trace_id.replaceAll("-", "")}`);
  await expect(main).toContainText("GitLab delivered: Push Hook");
});
