import { expect, expectSameDocument, hydrated, markDocument, test } from "../support/test.ts";

const steps = [
  "webhook_received",
  "token_verification",
  "event_processing",
  "analyze_changes",
  "kafka_publish",
  "awx_trigger",
];

test("a webhook's pipeline trace appears on the open overview and leads to its steps and log lines", async ({
  page,
  open,
  console,
}) => {
  await open("/monitoring");
  await markDocument(page);
  const { status, body } = await console.deliver("push.json");
  expect(status).toBe(200);

  const latest = page.getByRole("region", { name: "Pipelines" });
  const row = latest.getByRole("listitem").filter({ hasText: "Raise the customer API's rate limit" });
  await expect(row).toBeVisible();
  await expect(row).toContainText("Success");
  await expect(row).toContainText("Ines Lindqvist");
  await expectSameDocument(page);

  await row.getByRole("link", { name: /customer-api/ }).click();
  await expect(page).toHaveURL(new RegExp(`/monitoring/pipelines/${body.trace_id}`));
  await expectSameDocument(page);
  const main = page.getByRole("main");
  await expect(main).toContainText("6b1f5330");
  await expect(main).toContainText("customer-api");
  const waterfall = page.getByRole("region", { name: "Steps" });
  for (const step of steps) {
    await expect(waterfall.getByRole("button", { name: new RegExp(step) })).toBeVisible();
  }
  await expect(page.getByRole("log")).toContainText("GitLab delivered: Push Hook");
});

test("a pipeline trace appears on the open list of pipelines", async ({ page, open, console }) => {
  await open("/monitoring/pipelines");
  await markDocument(page);
  await console.deliver("tag-push.json");
  await expect(page.getByRole("link", { name: /Release 4\.2\.0 of the customer API/ })).toBeVisible();
  await expectSameDocument(page);
});

test("a step shows its details", async ({ page, open, console }) => {
  const { body } = await console.deliver("push.json");
  await open(`/monitoring/pipelines/${body.trace_id}`);
  const waterfall = page.getByRole("region", { name: "Steps" });
  await waterfall.getByRole("button", { name: /kafka_publish/ }).click();
  await expect(waterfall).toContainText("not configured");
});

test("previous and next lead along the pipeline traces", async ({ page, open, console }) => {
  const first = await console.deliver("push.json");
  const second = await console.deliver("tag-push.json");
  await open(`/monitoring/pipelines/${first.body.trace_id}`);
  await page.getByRole("link", { name: "Newer" }).click();
  await expect(page).toHaveURL(new RegExp(second.body.trace_id));
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(new RegExp(first.body.trace_id));
  await hydrated(page);
});
