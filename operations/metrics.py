"""Metrics in the text format of Prometheus.

Counts are read from the database on request, so all web processes report the same and
workers need no endpoint. Only request times are counted by the web processes: under
gunicorn in files that add up, otherwise in the process's memory.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Sum
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from base.jobs import machines
from base.jobs.listing import failed_by_kind
from base.jobs.selectors import counts
from catalogue import following, index_store
from catalogue.models import Bucket, Recording
from catalogue.selectors import cannot_be_found
from operations.gauges import by_state, gauge, metrics
from recognition.errors import RecognitionError
from recognition.version import VERSION
from review.choices import DisputeStatus
from review.models import Dispute, Match
from scanning import selectors
from scanning.models import InboundCallback, ResumableUpload, Scan, ScannedFile

# auto_describe would run all queries at import time.
_stored = CollectorRegistry(auto_describe=False)
_requests = CollectorRegistry()

request_seconds = Histogram(
    "acrportal_request_seconds",
    "Time to the answer of a request, by view.",
    ["method", "view", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0),
    registry=_requests,
)


def page_of_figures() -> bytes:
    """Return all metrics as text."""
    requests = _requests
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        requests = CollectorRegistry()
        MultiProcessCollector(requests)  # type: ignore[no-untyped-call]  # it has no types
    return generate_latest(_stored) + generate_latest(requests)


class PortalCollector(Collector):
    """Counts rows, waiting work and the size of the index."""

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its current value."""
        yield InfoMetricFamily("acrportal", "What is installed", {"version": VERSION})
        yield by_state("scans", "Scans", Scan, "status")
        yield by_state("scanned_files", "Scanned files", ScannedFile, "status")
        yield by_state("recordings", "Recordings", Recording, "status")
        unfindable = Recording.objects.filter(cannot_be_found()).count()
        yield gauge("unfindable_recordings", "Recordings that scans cannot find", unfindable)
        yield by_state("matches", "Matches", Match, "state")
        yield by_state("callbacks", "Callbacks received", InboundCallback, "outcome")
        for read in metrics:
            yield from read()
        yield from _work()
        yield from _index()
        yield from _copies()
        yield gauge(
            "unfinished_upload_bytes",
            "Bytes of uploads that are not yet files, as announced",
            ResumableUpload._base_manager.filter(scanned_file=None).aggregate(
                bytes=Sum("size_bytes")
            )["bytes"]
            or 0,
        )
        disk = shutil.disk_usage(settings.ACRPORTAL_DATA_DIR)
        yield gauge("disk_bytes", "Size of the disk of the data folder", disk.total)
        yield gauge("disk_free_bytes", "Room on the disk of the data folder", disk.free)


_stored.register(PortalCollector())


def _work() -> Iterator[Metric]:
    health = selectors.worker_health()
    yield gauge(
        "oldest_queued_scan_seconds",
        "How long the oldest waiting scan has waited",
        health.oldest_queued_seconds,
    )
    jobs = GaugeMetricFamily(
        "acrportal_jobs",
        "Jobs that wait, run or failed in the last 14 days, by kind and state.",
        labels=["kind", "state"],
    )
    for (kind, state), count in counts().items():
        jobs.add_metric([kind, state], count)
    yield jobs
    given_up = GaugeMetricFamily(
        "acrportal_jobs_given_up",
        "Jobs that were given up in the last 14 days, by kind.",
        labels=["kind"],
    )
    for kind, count in failed_by_kind().items():
        given_up.add_metric([kind], count)
    yield given_up
    yield _undone_duties()
    overdue = Dispute.objects.filter(status=DisputeStatus.OPEN, due_at__lt=datetime.now(tz=UTC))
    yield gauge("overdue_disputes", "Disputes past their due date", overdue.count())


def _undone_duties() -> Metric:
    waiting = GaugeMetricFamily(
        "acrportal_jobs_without_machine",
        "Jobs that wait for a duty that no worker seen lately does, by duty.",
        labels=["duty"],
    )
    for duty, count in machines.undone_duties().items():
        waiting.add_metric([duty], count)
    return waiting


def _index() -> Iterator[Metric]:
    postings, size = 0, 0
    try:
        for folder in index_store.index_folders():
            index = index_store.open_folder(folder)
            for bucket_id in Bucket.objects.present().values_list("pk", flat=True):
                stats = index.stats(bucket_id)
                postings += stats.postings
                size += stats.size_bytes
    except RecognitionError:
        # A damaged index has no metrics; alert on their absence.
        return
    yield gauge("index_postings", "Postings of the landmark index", postings)
    yield gauge("index_bytes", "Size of the landmark index", size)


def _copies() -> Iterator[Metric]:
    labels = ["host", "folder"]
    behind = GaugeMetricFamily(
        "acrportal_index_copy_changes_behind",
        "Changes of the catalogue that a machine's index has not followed.",
        labels=labels,
    )
    late = GaugeMetricFamily(
        "acrportal_index_copy_late_seconds",
        "For how long a machine's index has not held everything.",
        labels=labels,
    )
    for copy in following.copies():
        behind.add_metric([copy.host, copy.folder], copy.changes_behind)
        late.add_metric([copy.host, copy.folder], copy.late.total_seconds())
    yield behind
    yield late
    yield gauge(
        "partitions_without_machine",
        "Partitions of the catalogue that no machine seen lately holds",
        len(following.unheld()),
    )
