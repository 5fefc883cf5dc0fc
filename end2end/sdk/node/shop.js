// Shop: a service that takes orders, asks Stock (whose address is the first argument), and knows nothing of Console.
//
// Started with `--require @opentelemetry/auto-instrumentations-node/register`, which reads where to send what from the
// standard OTEL_ variables. Listens on loopback, prints its address, and ends when its standard input does: with whoever
// started it.
"use strict";

const { SpanStatusCode, metrics, trace } = require("@opentelemetry/api");
const express = require("express");
const log = require("pino")();

const stock = process.argv[2];
const tracer = trace.getTracer("shop");
const meter = metrics.getMeter("shop");
const orders = meter.createCounter("shop.orders", { unit: "{order}", description: "Orders that came in" });
const duration = meter.createHistogram("shop.order.duration", { unit: "s", description: "How long an order took" });

class OrderFailed extends Error {
  name = "OrderFailed";
}

async function place(item) {
  log.info({ item }, `placing an order of ${item}`);
  const answer = await fetch(`${stock}/stock/${item}`);
  if (!answer.ok) throw new OrderFailed(`the stock of ${item} was answered with ${answer.status}`);
  return answer.json();
}

const app = express();

app.get("/orders/:item", async (request, response) => {
  const { item } = request.params;
  const started = performance.now();
  await tracer.startActiveSpan("place order", async (span) => {
    try {
      response.json(await place(item));
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      throw error;
    } finally {
      span.end();
      orders.add(1, { "shop.item": item });
      duration.record((performance.now() - started) / 1000, { "shop.item": item });
    }
  });
});

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

process.stdin.resume().once("end", () => {
  server.close();
  server.closeAllConnections();
});
