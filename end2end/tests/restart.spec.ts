import { expect, hydrated, test } from "../support/test.ts";

test("pipeline traces and log lines are still there after a restart", async ({ page, open, console }) => {
  const { body } = await console.deliver("push.json");
  const title = /Raise the customer API's rate limit/;
  await open("/monitoring/pipelines");
  await expect(page.getByRole("link", { name: title })).toBeVisible();
  // The page's live stream ends with the server that it belongs to.
  await page.goto("about:blank");

  await console.restart();

  await open("/monitoring/pipelines");
  await expect(page.getByRole("link", { name: title })).toBeVisible();
  await open(`/monitoring/logs?trace_id=${body.trace_id.replaceAll("-", "")}`);
  await expect(page.getByRole("log")).toContainText("GitLab delivered: Push Hook");
});

test("an open page finds its server again after a restart", async ({ page, open, console, guard }) => {
  guard.allow(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/);
  await open("/monitoring/pipelines");
  await console.restart();
  // The stream's retry hint is a few seconds at most.
  await expect
    .poll(
      async () => {
        await console.deliver("tag-push.json");
        return page.getByRole("link", { name: /Release 4\.2\.0/ }).count();
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(0);
  await hydrated(page);
});
