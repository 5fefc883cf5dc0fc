import type { Page } from "@playwright/test";
import { judge } from "../support/accessibility.ts";
import { test } from "../support/test.ts";

const widths = [1440, 390];
const themes = ["dark", "light"] as const;

for (const theme of themes) {
  for (const width of widths) {
    test.describe(`${theme}, ${width} px`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 } });

      // Three tests, as looking through all pages takes long.
      test("no page has a serious accessibility problem or scrolls sideways", async ({ page, open, console }) => {
        const { body } = await console.deliver("push.json");
        await console.deliver("push-delete.json");
        await console.json("/v1/traces/demo/batch?count=12", { method: "POST" });
        await console.warnInTrace(body.trace_id.replaceAll("-", ""));
        await look(page, open, [
          "/monitoring",
          "/monitoring/pipelines",
          "/monitoring/pipelines?status=failed&search=nothing-is-called-like-this",
          `/monitoring/pipelines/${body.trace_id}`,
          "/monitoring/logs",
          "/monitoring/logs?search=nothing-is-called-like-this",
          "/login",
        ]);
      });

      test("no page of figures has a serious accessibility problem or scrolls sideways", async ({ page, open, console }) => {
        await console.json("/v1/traces/demo/batch?count=3", { method: "POST" });
        await look(page, open, [
          "/monitoring/api",
          "/monitoring/targets?edit=new",
          "/monitoring/dashboards?import=1",
          "/monitoring/dashboards/console",
          "/monitoring/dashboards/hosts",
          "/monitoring/metrics",
          "/monitoring/metrics?q=vector(1)&q=sum(&range=15m",
          "/monitoring/metrics?q=vector(1)&view=table",
        ]);
      });

      test("no page of the settings has a serious accessibility problem or scrolls sideways", async ({ page, open }) => {
        await look(page, open, [
          "/settings/account",
          "/settings/users",
          "/settings/keys",
          "/settings/tenants",
          "/settings/audit",
          "/settings/redaction",
          "/settings/configuration",
          "/docs",
        ]);
      });
    });
  }
}

/** Opens each of these pages and judges it. */
async function look(page: Page, open: (path: string) => Promise<unknown>, paths: string[]): Promise<void> {
  for (const path of paths) {
    await test.step(path, async () => {
      await open(path);
      await judge(page, path);
    });
  }
}
