import type { BrowserContext } from "@playwright/test";

/** Everything that a page may not do: the problems of all pages of a context, but for the allowed ones. */
export class Guard {
  private readonly seen: string[] = [];
  private readonly allowed: RegExp[] = [];

  constructor(context: BrowserContext) {
    context.on("console", (message) => {
      if (message.type() === "warning" || message.type() === "error") {
        this.seen.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    context.on("weberror", (error) => {
      this.seen.push(`page error: ${error.error().stack ?? error.error().message}`);
    });
    context.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "unknown";
      // The browser itself gives requests up when a page is left.
      if (reason !== "net::ERR_ABORTED") this.seen.push(`request failed: ${request.url()}: ${reason}`);
    });
    context.on("response", (response) => {
      if (response.status() >= 400) this.seen.push(`answer ${response.status()}: ${response.url()}`);
    });
  }

  /** The journey provokes this problem. */
  allow(pattern: RegExp): void {
    this.allowed.push(pattern);
  }

  get problems(): string[] {
    return this.seen.filter((problem) => !this.allowed.some((pattern) => pattern.test(problem)));
  }
}
