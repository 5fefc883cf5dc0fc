import { expect, test } from "../support/test.ts";

test("an installation without pipelines shows how to send one", async ({ page, open, console }) => {
  await open("/monitoring/pipelines");
  const main = page.getByRole("main");
  await expect(main).toContainText(/No pipeline traces received yet/);
  await expect(main).toContainText(`${console.address}/webhooks/gitlab`);
});

test("filters that match nothing can be cleared", async ({ page, open, console }) => {
  await console.deliver("push.json");
  await open("/monitoring/pipelines?search=nothing-is-called-like-this");
  await expect(page.getByText(/No pipeline traces match/)).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page.getByRole("link", { name: /Raise the customer API's rate limit/ })).toBeVisible();
  await expect(page).not.toHaveURL(/search=/);
});

test("a range without pipelines leads to all time", async ({ page, open, console }) => {
  await console.deliver("push.json");
  // An hour of the year 2020.
  await open("/monitoring/pipelines?range=1577880000000-1577883600000");
  await expect(page.getByText(/No pipeline traces in this time range/)).toBeVisible();
  await page.getByRole("link", { name: "Show all time" }).click();
  await expect(page.getByRole("link", { name: /Raise the customer API's rate limit/ })).toBeVisible();
});

test("a range without log lines can be widened", async ({ page, open }) => {
  await open("/monitoring/logs?range=1577880000000-1577883600000");
  await expect(page.getByText(/No log lines in this time range/)).toBeVisible();
  await expect(page.getByRole("link", { name: /Widen to/ })).toBeVisible();
});
