import { expect, test } from "../support/test.ts";

test.use({ javaScriptEnabled: false });

test("without JavaScript the pages show figures, pipelines and log lines", async ({ page, console }) => {
  const { body } = await console.deliver("push.json");
  await page.goto("/monitoring");
  const main = page.getByRole("main");
  for (const card of ["API p95", "Error rate", "CPU", "Memory"]) {
    await expect(main).toContainText(card);
  }
  await expect(main.getByRole("table").first()).toBeVisible();
  await expect(main).toContainText("Raise the customer API's rate limit");
  await page.getByRole("link", { name: /customer-api/ }).click();
  await expect(main).toContainText("analyze_changes");

  await page.goto(`/monitoring/logs?trace_id=${body.trace_id.replaceAll("-", "")}`);
  await expect(main).toContainText("GitLab webhook received");
});
