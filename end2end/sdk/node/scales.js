// Scales: a service that shows its metrics with the Prometheus client for Node.js, and knows nothing of Console.
//
// Listens on loopback, prints its address, and ends when its standard input does: with whoever started it.
"use strict";

const express = require("express");
const client = require("prom-client");

const registry = new client.Registry();
registry.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE);
client.collectDefaultMetrics({ register: registry });
const weighings = new client.Counter({
  name: "scales_weighings",
  help: "Times that something was weighed",
  labelNames: ["goods"],
  registers: [registry],
});
const duration = new client.Histogram({
  name: "scales_weighing_duration_seconds",
  help: "How long weighing took",
  buckets: [0.1, 1, 10],
  enableExemplars: true,
  registers: [registry],
});

const app = express();

app.post("/weigh/:goods", (request, response) => {
  weighings.inc({ goods: request.params.goods });
  duration.observe({ value: 0.25, exemplarLabels: { trace_id: request.query.trace } });
  response.sendStatus(204);
});

app.get("/metrics", async (_request, response) => {
  response.set("Content-Type", registry.contentType);
  response.send(await registry.metrics());
});

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
process.stdin.resume().on("end", () => process.exit(0));
