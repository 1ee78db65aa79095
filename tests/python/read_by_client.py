"""Reads a server through prometheus-api-client and prints what it got as JSON.

Takes the server's URL, a metric, and the first and last second of its samples.
"""

import json
import sys
from datetime import datetime, timedelta

from prometheus_api_client import PrometheusConnect

url, metric, start, end = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
begin, finish = datetime.fromtimestamp(start), datetime.fromtimestamp(end)
client = PrometheusConnect(url=url)
answers = {
    "connected": client.check_prometheus_connection(),
    "all_metrics": client.all_metrics(),
    "label_names": client.get_label_names(),
    "label_values": client.get_label_values("gpu"),
    "series": client.get_series(start=begin, end=finish, params={"match[]": metric}),
    "query": client.custom_query(metric, params={"time": end}),
    "value": client.get_current_metric_value(metric, {"gpu": "1"}, params={"time": end}),
    "query_range": client.custom_query_range(
        f"sum by (host) ({metric})", start_time=begin, end_time=finish, step="30"
    ),
    "range_data": client.get_metric_range_data(
        metric,
        label_config={"host": "a"},
        start_time=begin,
        end_time=finish,
        chunk_size=timedelta(seconds=100),
    ),
    "metadata": client.get_metric_metadata(metric),
    "targets": client.get_targets(),
}
try:
    client.custom_query("gpu{")
except Exception as problem:  # noqa: BLE001
    answers["refused"] = str(problem)
print(json.dumps(answers))
