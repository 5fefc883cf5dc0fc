import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Judges the page that is open: it has no serious accessibility problem and does not scroll sideways. */
export async function judge(page: Page, path: string): Promise<void> {
  await expect(page.getByRole("main")).toBeVisible();
  // What is dimmed while it is asked for anew is judged as it is read.
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`) }));
  expect.soft(serious, path).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect.soft(overflow, `${path} is wider than the screen by`).toBeLessThanOrEqual(0);
}
