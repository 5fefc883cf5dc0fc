import type { Console } from "./console.ts";

/** A course: values, the newest last, fifteen seconds from one to the next. */
export interface SeriesToSend {
  labels?: Record<string, string>;
  values: number[];
}

const secondsBetween = 15;

function keyValues(values: Record<string, string>) {
  return Object.entries(values).map(([key, value]) => ({ key, value: { stringValue: value } }));
}

function times(count: number): string[] {
  const now = Date.now();
  return Array.from({ length: count }, (_, at) => {
    const ms = now - (count - 1 - at) * secondsBetween * 1000;
    return (BigInt(ms) * 1_000_000n).toString();
  });
}

async function post(console: Console, metrics: unknown[]): Promise<void> {
  const body = {
    resourceMetrics: [
      { resource: { attributes: keyValues({ "service.name": "shop" }) }, scopeMetrics: [{ metrics }] },
    ],
  };
  const headers = { "Content-Type": "application/json" };
  // As a program on this machine, which needs no key.
  const response = await fetch(`${console.address}/v1/metrics`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`samples were answered with ${response.status}: ${await response.text()}`);
}

function points(series: SeriesToSend[]) {
  return series.flatMap(({ labels, values }) => {
    const at = times(values.length);
    return values.map((value, place) => ({
      timeUnixNano: at[place],
      startTimeUnixNano: at[0],
      asDouble: value,
      attributes: keyValues(labels ?? {}),
    }));
  });
}

/** Sends a counter as an OpenTelemetry exporter does; `_total` is added to its name. */
export async function sendCounter(console: Console, name: string, description: string, series: SeriesToSend[]) {
  const sum = { dataPoints: points(series), aggregationTemporality: 2, isMonotonic: true };
  await post(console, [{ name, description, sum }]);
}

/** Sends a gauge. */
export async function sendGauge(console: Console, name: string, description: string, series: SeriesToSend[]) {
  await post(console, [{ name, description, gauge: { dataPoints: points(series) } }]);
}

/** Sends a histogram in seconds that grows by the counts of its buckets, with one measurement taken in a trace. */
export async function sendHistogram(console: Console, name: string, bounds: number[], counts: number[], trace: string) {
  const count = 40;
  const at = times(count);
  const dataPoints = at.map((time, place) => ({
    timeUnixNano: time,
    startTimeUnixNano: at[0],
    count: String(counts.reduce((sum, one) => sum + one, 0) * place),
    sum: place * 2,
    bucketCounts: counts.map((one) => String(one * place)),
    explicitBounds: bounds,
    attributes: [],
    exemplars:
      place === count - 5
        ? [{ timeUnixNano: time, asDouble: 0.4, traceId: trace, spanId: "00f067aa0ba902b7", filteredAttributes: [] }]
        : [],
  }));
  const histogram = { dataPoints, aggregationTemporality: 2 };
  await post(console, [{ name, unit: "s", description: "How long orders take.", histogram }]);
}

/** Values from 0 on, each so much more than the one before. */
export function growing(step: number, count = 40): number[] {
  return Array.from({ length: count }, (_, at) => at * step);
}
