// Opens a trace in Chromium and scrolls through it. Told by the environment: CHROMIUM, BENCH_URL (a trace's page) and
// BENCH_SESSION (a session's token). Prints one line of JSON: milliseconds until the first rows can be seen and until the
// page can be used, medians of several openings, and the longest task while scrolling.
import { chromium } from "@playwright/test";

const OPENINGS = 5;
const WHEEL_TURNS = 80;
const { CHROMIUM, BENCH_URL, BENCH_SESSION } = process.env;
const row = ".span-row";

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"],
});
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addCookies([{ name: "console_session", value: BENCH_SESSION, url: new URL(BENCH_URL).origin }]);
  await context.addInitScript((row) => {
    window.benchTasks = [];
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) window.benchTasks.push({ at: task.startTime, ms: task.duration });
    }).observe({ type: "longtask", buffered: true });
    const seen = new MutationObserver(() => {
      if (!window.benchRows && document.querySelector(row)) {
        // Painted in the frame after this one.
        requestAnimationFrame(() => requestAnimationFrame(() => (window.benchRows ??= performance.now())));
      }
      if (!window.benchReady && document.documentElement?.hasAttribute("data-hydrated")) {
        window.benchReady = performance.now();
      }
    });
    seen.observe(document, { childList: true, subtree: true, attributes: true });
  }, row);

  const rows = [];
  const ready = [];
  const tasks = [];
  for (let opening = 0; opening < OPENINGS; opening += 1) {
    const page = await context.newPage();
    await page.goto(BENCH_URL);
    await page.waitForFunction(() => window.benchRows && window.benchReady);
    rows.push(await page.evaluate(() => window.benchRows));
    ready.push(await page.evaluate(() => window.benchReady));
    const from = await page.evaluate(() => performance.now());
    const box = await page.locator(row).first().boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height * 3);
    const before = await page.locator(row).first().textContent();
    for (let turn = 0; turn < WHEEL_TURNS; turn += 1) {
      await page.mouse.wheel(0, turn % 8 === 7 ? 200_000 : 1200);
      await page.waitForTimeout(30);
    }
    await page.waitForFunction(([row, before]) => {
      const first = document.querySelector(row);
      return first && first.textContent !== before;
    }, [row, before]);
    const longest = await page.evaluate(
      (from) => Math.max(0, ...window.benchTasks.filter((task) => task.at >= from).map((task) => task.ms)),
      from,
    );
    tasks.push(longest);
    await page.close();
  }
  const median = (values) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)];
  console.log(JSON.stringify({ rows: median(rows), ready: median(ready), task: Math.max(...tasks) }));
} finally {
  await browser.close();
}
