import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";
import { Console } from "./console.ts";
import { Guard } from "./guard.ts";

interface Options {
  /** More environment variables for the server. */
  environment: Record<string, string>;
  /** Who uses the browser at first: the administrator, somebody who is not signed in, or nobody who exists yet. */
  visitor: "admin" | "stranger" | "first";
}

interface Fixtures {
  /** A Console of its own for the test. Paths that the page opens are on it. */
  console: Console;
  /** Fails the test on any problem in the browser. */
  guard: Guard;
  /** Opens a path and waits until the page is alive. */
  open: (path: string, page?: Page) => Promise<void>;
}

export const test = base.extend<Fixtures & Options>({
  environment: [{}, { option: true }],
  visitor: ["admin", { option: true }],

  console: async ({ environment, visitor }, use, info) => {
    const console = await Console.start(environment, visitor !== "first");
    await use(console);
    if (info.status !== info.expectedStatus) {
      await info.attach("server log", { body: console.log, contentType: "text/plain" });
    }
    await console.close();
  },

  baseURL: async ({ console }, use) => {
    await use(console.address);
  },

  context: async ({ context, console, visitor }, use) => {
    if (visitor === "admin") await keepSession(context, console, console.session);
    await use(context);
  },

  guard: [
    async ({ context }, use) => {
      const guard = new Guard(context);
      await use(guard);
      expect(guard.problems, "problems in the browser").toEqual([]);
    },
    { auto: true },
  ],

  open: async ({ page }, use) => {
    await use(async (path, other) => {
      const target = other ?? page;
      await target.goto(path);
      await hydrated(target);
    });
  },
});

/** Lets a browser have a session. */
export async function keepSession(context: BrowserContext, console: Console, token: string): Promise<void> {
  await context.addCookies([{ name: "console_session", value: token, url: console.address, httpOnly: true }]);
}

/** Waits until the page answers to keys and clicks. */
export async function hydrated(page: Page): Promise<void> {
  await page.locator("html[data-hydrated]").waitFor({ state: "attached" });
}

/** Marks the document, so that a later look tells whether it was loaded anew. */
export async function markDocument(page: Page): Promise<void> {
  await page.evaluate(() => ((globalThis as { marked?: boolean }).marked = true));
}

export async function expectSameDocument(page: Page): Promise<void> {
  expect(await page.evaluate(() => (globalThis as { marked?: boolean }).marked), "the page was not reloaded").toBe(true);
}

export { expect };
export { admin, newTraceId } from "./console.ts";
