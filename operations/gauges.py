"""Simple metrics, and those that packages above add."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db.models import Count, Model
from prometheus_client.core import GaugeMetricFamily, Metric

from base.common.registry import Registry

metrics: Registry[Callable[[], Iterable[Metric]]] = Registry()
"""Metrics of other parts, read whenever somebody asks for metrics."""


def gauge(name: str, text: str, value: float) -> Metric:
    """Return a metric of one number; ``text`` says what it counts."""
    return GaugeMetricFamily(f"acrportal_{name}", f"{text}.", value=value)


def by_state(name: str, text: str, model: type[Model], column: str) -> Metric:
    """Return how many rows of a model there are, by the values of a column."""
    metric = GaugeMetricFamily(f"acrportal_{name}", f"{text}, by {column}.", labels=[column])
    # The base manager: metrics count all rows, deleted ones too.
    counted = model._base_manager.order_by().values_list(column)
    for state, count in counted.annotate(count=Count("pk")):
        metric.add_metric([state], count)
    return metric
