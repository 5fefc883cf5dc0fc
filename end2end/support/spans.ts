import { randomBytes } from "node:crypto";
import type { Console } from "./console.ts";
import { newTraceId } from "./test.ts";

export interface SpanToSend {
  service: string;
  name: string;
  /** Milliseconds after the start of the trace, and how long it took. */
  at: number;
  took: number;
  /** Its place in the list of spans; none for the root. */
  parent?: number;
  /** As OTLP numbers them: 2 answers a request, 3 makes one. */
  kind?: number;
  failed?: boolean;
  attributes?: Record<string, string>;
}

/** Attributes as OTLP has them in JSON. */
function keyValues(values: Record<string, string>) {
  return Object.entries(values).map(([key, value]) => ({ key, value: { stringValue: value } }));
}

async function post(console: Console, path: string, body: unknown): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  // As a program on this machine, which needs no key.
  const response = await fetch(`${console.address}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`);
}

/** Sends spans as an OpenTelemetry exporter does, a minute old, and returns the trace's id and theirs. */
export async function sendTrace(console: Console, spans: SpanToSend[]): Promise<{ trace: string; spans: string[] }> {
  const trace = newTraceId();
  const ids = spans.map(() => randomBytes(8).toString("hex"));
  const start = BigInt(Date.now() - 60_000) * 1_000_000n;
  const at = (ms: number) => (start + BigInt(Math.round(ms)) * 1_000_000n).toString();
  const resourceSpans = spans.map((span, place) => ({
    resource: { attributes: keyValues({ "service.name": span.service, "host.name": "test-host" }) },
    scopeSpans: [
      {
        scope: { name: "journey" },
        spans: [
          {
            traceId: trace,
            spanId: ids[place],
            ...(span.parent === undefined ? {} : { parentSpanId: ids[span.parent] }),
            name: span.name,
            kind: span.kind ?? (span.parent === undefined ? 2 : 1),
            startTimeUnixNano: at(span.at),
            endTimeUnixNano: at(span.at + span.took),
            attributes: keyValues(span.attributes ?? {}),
            status: span.failed ? { code: 2, message: "deadlock detected" } : {},
          },
        ],
      },
    ],
  }));
  await post(console, "/v1/traces", { resourceSpans });
  return { trace, spans: ids };
}

/** Sends a log line of a span. */
export async function sendLine(console: Console, trace: string, span: string, message: string): Promise<void> {
  const record = {
    timeUnixNano: (BigInt(Date.now() - 59_000) * 1_000_000n).toString(),
    severityNumber: 17,
    severityText: "ERROR",
    body: { stringValue: message },
    traceId: trace,
    spanId: span,
  };
  const resource = { attributes: keyValues({ "service.name": "postgres" }) };
  await post(console, "/v1/logs", { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] });
}
