import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { APIRequestContext } from "@playwright/test";

const root = resolve(import.meta.dirname, "../..");
const sdk = join(root, "end2end/sdk");
const python = join(root, ".tools/sdk/bin");
const startLimitMs = 30_000;
const stopLimitMs = 20_000;

/** Environment variables that tell an SDK what to send where. */
export type Otel = Record<`OTEL_${string}`, string>;

/** Says what to do where `make test` has not installed the SDKs yet. */
function requireSdks(): void {
  if (existsSync(join(python, "opentelemetry-instrument")) && existsSync(join(sdk, "node/node_modules"))) return;
  throw new Error("the services are not installed; scripts/sdk.sh does it");
}

/** A service of `sdk/`: a process of its own on a free port of loopback. */
class Service {
  address = "";
  private output = "";

  private constructor(
    private readonly name: string,
    private readonly process: ChildProcess,
  ) {
    const note = (chunk: Buffer) => (this.output += chunk.toString());
    process.stdout?.on("data", note);
    process.stderr?.on("data", note);
  }

  static async start(name: string, command: string[], folder: string, otel: Otel): Promise<Service> {
    const [program, ...words] = command;
    const child = spawn(program, words, {
      cwd: join(sdk, folder),
      env: {
        PATH: process.env.PATH,
        OTEL_SERVICE_NAME: name,
        // What goes wrong while sending is printed.
        OTEL_LOG_LEVEL: "warn",
        OTEL_PYTHON_LOG_CORRELATION: "true",
        // The others ask the networks of clouds.
        OTEL_NODE_RESOURCE_DETECTORS: "env,host,os,process",
        ...otel,
      },
    });
    const service = new Service(name, child);
    await service.listening();
    return service;
  }

  /** What it has printed. */
  get log(): string {
    return `${this.name}:\n${this.output}`;
  }

  /** Lets it end, which sends what waits. */
  async stop(): Promise<void> {
    const { process } = this;
    if (process.exitCode !== null || process.signalCode !== null) return;
    const ended = new Promise<number | null>((done) => process.once("exit", (code) => done(code)));
    process.stdin?.end();
    const outcome = await Promise.race([ended, pause(stopLimitMs, "late" as const, { ref: false })]);
    if (outcome === 0) return;
    if (outcome === "late") process.kill("SIGKILL");
    throw new Error(`a service did not stop as it should (${outcome}): ${this.log}`);
  }

  private async listening(): Promise<void> {
    const limit = Date.now() + startLimitMs;
    while (Date.now() < limit && this.process.exitCode === null) {
      const address = /^listening on (\S+)\n/m.exec(this.output)?.[1];
      if (address) {
        this.address = address;
        return;
      }
      await pause(20);
    }
    this.process.kill("SIGKILL");
    throw new Error(`a service did not start (exit code ${this.process.exitCode}): ${this.log}`);
  }
}

/** A program of `sdk/` that shows its metrics with an unmodified Prometheus client: of Node.js or of Python. */
export async function startExporter(name: "scales" | "till"): Promise<Service> {
  requireSdks();
  if (name === "scales") return Service.start(name, [process.execPath, "scales.js"], "node", {});
  return Service.start(name, [join(python, "python"), "till.py"], "python", {});
}

/** Shop, which asks Stock: one of Node.js and one of Python, each with its unmodified OpenTelemetry SDK. */
export class Services {
  private constructor(
    private readonly shop: Service,
    private readonly stock: Service,
  ) {}

  static async start(otel: { shop: Otel; stock: Otel }): Promise<Services> {
    requireSdks();
    const ofPython = [join(python, "opentelemetry-instrument"), join(python, "python"), "stock.py"];
    const stock = await Service.start("stock", ofPython, "python", otel.stock);
    const register = "@opentelemetry/auto-instrumentations-node/register";
    const ofNode = [process.execPath, "--require", register, "shop.js", stock.address];
    try {
      return new Services(await Service.start("shop", ofNode, "node", otel.shop), stock);
    } catch (error) {
      await stock.stop();
      throw error;
    }
  }

  /** Orders something, and returns the answer's status. */
  async order(item: string): Promise<number> {
    return (await fetch(`${this.shop.address}/orders/${item}`)).status;
  }

  /** What they have printed. */
  get log(): string {
    return `${this.shop.log}\n${this.stock.log}`;
  }

  /** Ends both, which sends what waits. */
  async stop(): Promise<void> {
    await Promise.all([this.shop.stop(), this.stock.stop()]);
  }
}

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** The newest sample of every series that reports a job, asked for as Prometheus is. */
export async function newestSamples(request: APIRequestContext, address: string): Promise<Sample[]> {
  const answer = await request.get(`${address}/prometheus/api/v1/query`, { params: { query: '{job=~".+"}' } });
  const { data } = (await answer.json()) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
  return data.result.map(({ metric, value }) => {
    const { __name__: name = "", ...labels } = metric;
    return { name, labels, value: Number(value[1]) };
  });
}
