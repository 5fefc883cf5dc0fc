import { defineConfig } from "@playwright/test";
import { browser } from "./support/browser.ts";

/** Not a test: takes the README's picture from the product (`scripts/picture.sh`). */
export default defineConfig({
  testDir: "picture",
  workers: 1,
  timeout: 15 * 60_000,
  reporter: [["line"]],
  use: { ...browser, colorScheme: "dark", deviceScaleFactor: 1 },
});
