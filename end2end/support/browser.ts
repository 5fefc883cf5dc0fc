import { execFileSync } from "node:child_process";
import type { PlaywrightTestOptions, PlaywrightWorkerOptions } from "@playwright/test";

function findChromium(): string {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  return execFileSync("sh", ["-c", "command -v chromium || command -v google-chrome"], { encoding: "utf8" }).trim();
}

/** The system's Chromium, quiet. Half an hour off UTC and a 12-hour clock, so that a mix-up of time zones shows. */
export const browser: Partial<PlaywrightTestOptions & PlaywrightWorkerOptions> = {
  browserName: "chromium",
  viewport: { width: 1440, height: 900 },
  locale: "en-US",
  timezoneId: "Asia/Kolkata",
  launchOptions: {
    executablePath: findChromium(),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  },
};
