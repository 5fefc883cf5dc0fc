"""Prints the newest sample of every series in a store, as JSON: journeys look here, since no page shows series yet."""

import json
import sqlite3
import sys

NEWEST = """
    SELECT name, labels, value, MAX(time)
    FROM series JOIN samples ON samples.series_id = series.id
    GROUP BY series.id
"""

store = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
rows = store.execute(NEWEST)
print(json.dumps([{"name": name, "labels": json.loads(labels), "value": value} for name, labels, value, _ in rows]))
