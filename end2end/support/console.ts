import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { randomBytes, randomUUID } from "node:crypto";

const root = resolve(import.meta.dirname, "../..");
// TEST_BINARY: journeys through another build, while working on one.
const binary =
  process.env.TEST_BINARY ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/console");
const secret = "a secret of the journeys";
/** The administrator whom the environment names at the first start. */
export const admin = { email: "ines@example.com", password: "kupferner Wasserhahn 3" };
const startLimitMs = 20_000;
const stopLimitMs = 15_000;

/** The webhook bodies in `fixtures/`, with the name that GitLab gives each event. */
const events = {
  "push.json": "Push Hook",
  "push-many.json": "Push Hook",
  "push-delete.json": "Push Hook",
  "tag-push.json": "Tag Push Hook",
  "merge-request.json": "Merge Request Hook",
} as const;

export type Fixture = keyof typeof events;

export interface Delivery {
  status: number;
  body: { status: string; trace_id: string };
}

/** A Console of its own: a process of the release build on a free port, with a store that goes when it is closed. */
export class Console {
  readonly address: string;
  private readonly dataDir = mkdtempSync(join(tmpdir(), "console-journey-"));
  private process?: ChildProcess;
  private output = "";
  /** The administrator's session, as a cookie. */
  session = "";

  private constructor(
    private readonly port: number,
    private readonly environment: Record<string, string>,
    private readonly hasAdmin: boolean,
  ) {
    this.address = `http://127.0.0.1:${port}`;
  }

  /** Without an administrator nobody can sign in yet. */
  static async start(environment: Record<string, string> = {}, hasAdmin = true): Promise<Console> {
    const console = new Console(await freePort(), environment, hasAdmin);
    await console.start();
    if (hasAdmin) console.session = await console.signIn(admin.email, admin.password);
    return console;
  }

  /** Signs in as a program would, and returns the session's token. */
  async signIn(email: string, password: string): Promise<string> {
    const response = await fetch(`${this.address}/api/v1/auth/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
    const token = /console_session=([^;]+)/.exec(response.headers.get("set-cookie") ?? "")?.[1];
    if (!token) throw new Error(`${email} could not sign in: ${response.status} ${await response.text()}`);
    return token;
  }

  /** Makes somebody with a password, and returns their session's token. */
  async addUser(email: string, role: "viewer" | "editor" | "admin", password = admin.password): Promise<string> {
    const invitation = await this.call<{ link: string }>("users/add", { email, name: "Ola Berg", role });
    return this.useLink(invitation.link, { name: "Ola Berg", password });
  }

  /** Signs in with a link, and returns the session's token. */
  async useLink(link: string, body: { email?: string; name: string; password: string }): Promise<string> {
    const response = await fetch(`${this.address}/api/v1/auth/welcome`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: link.split("token=")[1], ...body }),
    });
    const token = /console_session=([^;]+)/.exec(response.headers.get("set-cookie") ?? "")?.[1];
    if (!token) throw new Error(`the link was not accepted: ${response.status} ${await response.text()}`);
    return token;
  }

  /** Calls a server function as the administrator. */
  call<T>(name: string, body: unknown): Promise<T> {
    const headers = { "Content-Type": "application/json" };
    return this.json<T>(`/fn/${name}`, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** Runs the program beside the server, on the same store, and returns what it prints. */
  run(...words: string[]): string {
    const env = { PATH: process.env.PATH, ...this.settings() };
    return execFileSync(binary, words, { cwd: root, env, encoding: "utf8" });
  }

  private settings(): Record<string, string> {
    return {
      CONSOLE_SERVER__ADDR: `127.0.0.1:${this.port}`,
      // Journeys run side by side, and the standard ports are there once.
      CONSOLE_OTLP__GRPC_ADDR: "off",
      CONSOLE_OTLP__HTTP_ADDR: "off",
      CONSOLE_STORE__DATA_DIR: this.dataDir,
      CONSOLE_WEBHOOKS__GITLAB_SECRET: secret,
      CONSOLE_DEMO__ENABLED: "true",
      ...(this.hasAdmin ? { CONSOLE_ADMIN_EMAIL: admin.email, CONSOLE_ADMIN_PASSWORD: admin.password } : {}),
      ...this.environment,
    };
  }

  /** What the process has printed. */
  get log(): string {
    return this.output;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  private async start(): Promise<void> {
    const child = spawn(binary, ["serve"], {
      cwd: root,
      env: { PATH: process.env.PATH, ...this.settings() },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.process = child;
    const note = (chunk: Buffer) => (this.output += chunk.toString());
    child.stdout.on("data", note);
    child.stderr.on("data", note);
    const limit = Date.now() + startLimitMs;
    while (Date.now() < limit && child.exitCode === null) {
      if (await this.isReady()) return;
      await pause(20);
    }
    throw new Error(`Console did not become ready (exit code ${child.exitCode}):\n${this.output}`);
  }

  private async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.address}/ready`)).status === 200;
    } catch {
      return false;
    }
  }

  private async stop(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
    child.kill("SIGTERM");
    const outcome = await Promise.race([ended, pause(stopLimitMs, "late" as const, { ref: false })]);
    if (outcome === 0) return;
    if (outcome === "late") child.kill("SIGKILL");
    throw new Error(`Console did not stop as it should (${outcome}):\n${this.output}`);
  }

  /** Sends a webhook as GitLab does. */
  async deliver(fixture: Fixture, options: { token?: string; key?: string; traceId?: string } = {}): Promise<Delivery> {
    const response = await fetch(`${this.address}/webhooks/gitlab`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Gitlab-Event": events[fixture],
        "X-Gitlab-Token": options.token ?? secret,
        "X-Gitlab-Webhook-UUID": options.key ?? randomUUID(),
        ...(options.traceId ? traceHeader(options.traceId) : {}),
      },
      body: readFileSync(join(root, "end2end/fixtures", fixture)),
    });
    return { status: response.status, body: await response.json() };
  }

  /** Makes Console write a log line of level warning inside the given trace: a webhook with a wrong token. */
  async warnInTrace(traceId: string): Promise<void> {
    const { status } = await this.deliver("push.json", { token: "wrong", traceId });
    if (status !== 401) throw new Error(`a wrong token was answered with ${status}`);
  }

  /** A request as the administrator. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { Cookie: `console_session=${this.session}`, ...init.headers };
    return fetch(this.address + path, { ...init, headers });
  }

  /** A request of the API as the administrator, as JSON. */
  async json<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await this.request(path, init);
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`);
    return response.json() as Promise<T>;
  }
}

/** 32 hexadecimal digits of a new trace. */
export function newTraceId(): string {
  return randomBytes(16).toString("hex");
}

function traceHeader(traceId: string): Record<string, string> {
  return { traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` };
}

/** A port that nobody listens on; fails when it is not this one, should one be given. */
export function freePort(port = 0): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const found = typeof address === "object" && address ? address.port : 0;
      server.close(() => done(found));
    });
  });
}
