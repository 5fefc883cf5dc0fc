import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";
import { type Console } from "../support/console.ts";
import { newTraceId, test } from "../support/test.ts";

const trafficMs = Number(process.env.PICTURE_TRAFFIC_S ?? 270) * 1000;

/** What a small installation sees: people on pages, scripts on the API, a webhook now and then. */
async function traffic(console: Console, until: number): Promise<void> {
  const get = async (path: string) => (await console.request(path)).arrayBuffer();
  for (let round = 0; Date.now() < until; round++) {
    const wave = 6 + Math.round(5 * Math.sin(round / 9));
    for (let n = 0; n < wave; n++) {
      await get(["/health", "/v1/traces?limit=20", "/v1/traces/stats", "/api/monitoring/logs?limit=50"][n % 4]);
    }
    if (round % 5 === 0) await get("/monitoring");
    if (round % 7 === 0) await get("/api/monitoring/advanced/summary?period_hours=1");
    if (round % 23 === 0) await get("/v1/traces/00000000-0000-4000-8000-000000000000");
    if (round % 40 === 0) await console.warnInTrace(newTraceId());
    await pause(400);
  }
}

test("overview", async ({ page, open, console }) => {
  await console.json("/v1/traces/demo/batch?count=9", { method: "POST" });
  const until = Date.now() + trafficMs;
  await Promise.all([traffic(console, until), traffic(console, until)]);
  await console.deliver("push-many.json");
  await console.deliver("push.json");
  await open("/monitoring?range=5m");
  const busy = traffic(console, Date.now() + 8_000);
  await pause(6_000);
  await page.setViewportSize({ width: 1440, height: 1260 });
  await page.screenshot({ path: join(import.meta.dirname, "../../docs/overview.png") });
  await busy;
});
