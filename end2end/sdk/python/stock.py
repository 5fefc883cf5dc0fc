"""Stock: a service that tells how much there is of an item, and knows nothing of Console.

Started by `opentelemetry-instrument`, which reads where to send what from the standard OTEL_ variables. Listens on
loopback, prints its address, and ends when its standard input does: with whoever started it.
"""

import logging
import sys
import threading
import time

from flask import Flask
from opentelemetry import metrics, trace
from werkzeug.serving import make_server

LEFT = {"anvil": 7, "rope": 40}

app = Flask("stock")
log = logging.getLogger("stock")
log.setLevel(logging.INFO)
tracer = trace.get_tracer("stock")
meter = metrics.get_meter("stock")
lookups = meter.create_counter("stock.lookups", unit="{lookup}", description="Items that were looked up")
duration = meter.create_histogram("stock.lookup.duration", unit="s", description="How long a lookup took")


class UnknownItem(Exception):
    """Nobody has ever heard of it."""


@app.get("/stock/<item>")
def stock(item):
    started = time.perf_counter()
    try:
        with tracer.start_as_current_span("look up", attributes={"stock.item": item}):
            log.info("looking for %s on the shelf", item)
            return {"left": count(item)}
    finally:
        lookups.add(1, {"stock.item": item})
        duration.record(time.perf_counter() - started, {"stock.item": item})


def count(item):
    if item not in LEFT:
        raise UnknownItem(f"no shelf holds {item}")
    return LEFT[item]


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
