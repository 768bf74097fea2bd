"""Endpoints for monitoring: liveness, readiness, metrics."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from django.conf import settings
from django.core.cache import caches
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from base.common.outages import outage_of
from catalogue import index_store
from operations.metrics import page_of_figures
from recognition.errors import RecognitionError
from scanning import selectors

# Below this, a large upload may no longer fit.
_LOW_DISK_BYTES = 2 * 1024**3
_FULL_DISK_BYTES = 1024**2
_MIGRATED = "acrportal.health.is_migrated"
_REMEMBERED_SECONDS = 60


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 with the state, or 503 if the database is unreachable."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        work = selectors.worker_health()
    except DatabaseError:
        return JsonResponse({"status": "error", "database": "unreachable"}, status=503)
    free = shutil.disk_usage(settings.ACRPORTAL_DATA_DIR).free
    return JsonResponse(
        {
            "status": "ok",
            "database": "ok",
            "disk": "low" if free < _LOW_DISK_BYTES else "ok",
            "queued_scans": work.queued,
            "oldest_queued_seconds": work.oldest_queued_seconds,
            "running_scans": work.running,
        }
    )


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 if requests can be served, else 503 with the problems."""
    checks = {
        "database": _database_problem(),
        "index": _index_problem(),
        "storage": _storage_problem(),
    }
    ready = not any(checks.values())
    details = {name: problem or "ok" for name, problem in checks.items()}
    status = {"status": "ok" if ready else "error"}
    return JsonResponse(status | details, status=200 if ready else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the metrics if the request has the configured token, else 404."""
    token: str = settings.ACRPORTAL_METRICS_TOKEN
    sent_token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not constant_time_compare(sent_token, token):
        raise Http404
    return HttpResponse(page_of_figures(), content_type=CONTENT_TYPE_LATEST)


def _database_problem() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _is_migrated():
            return "migrations are not applied"
    except DatabaseError:
        return "unreachable"
    return ""


def _is_migrated() -> bool:
    """Tell whether all migrations are applied; cache a yes: the check is slow."""
    cache = caches["process"]
    if cache.get(_MIGRATED):
        return True
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    cache.set(_MIGRATED, not plan, timeout=_REMEMBERED_SECONDS)
    return not plan


def _index_problem() -> str:
    for folder in index_store.index_folders():
        if not folder.exists():
            # It is built when somebody first searches on this machine.
            continue
        try:
            # Bucket 0 does not exist: a free query that still needs a working index.
            index_store.open_folder(folder).recordings(0)
        except (RecognitionError, OSError) as error:
            return str(error)
    return ""


def _storage_problem() -> str:
    """Check the storage without writing, because anybody may call this."""
    try:
        default_storage.exists("readiness/probe")
        return _folder_problem()
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    except Exception as error:
        # An exception of the object storage client, which may not be installed.
        if outage_of(error) is None:
            raise
        return f"does not answer: {error}"


def _folder_problem() -> str:
    """Return why the media folder is not writable, if there is one."""
    try:
        folder = Path(default_storage.path(""))
    except NotImplementedError:
        return ""
    # The first stored file creates the folder, so check its nearest existing parent.
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return f"cannot be written: {nearest}"
    if shutil.disk_usage(nearest).free < _FULL_DISK_BYTES:
        return f"cannot be written: {os.strerror(errno.ENOSPC)}"
    return ""
