"""Till: a service that shows its metrics with the Prometheus client for Python, and knows nothing of Console.

Listens on loopback, prints its address, and ends when its standard input does: with whoever started it.
"""

import sys

from prometheus_client import Counter, Gauge, Info, Summary, start_http_server

sales = Counter("till_sales", "Sales, by how they were paid", ["paid"])
cash = Gauge("till_cash_euros", "What lies in the till")
receipt = Summary("till_receipt_bytes", "Sizes of receipts")
build = Info("till_build", "Which build of the till")

sales.labels("card").inc(3)
sales.labels("cash").inc(2)
cash.set(float("nan"))
receipt.observe(120)
build.info({"version": "1.2.3"})

if __name__ == "__main__":
    server, _thread = start_http_server(0, addr="127.0.0.1")
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()
