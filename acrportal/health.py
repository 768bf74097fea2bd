"""What monitoring asks: is the portal alive, is it ready, what are its figures?"""

from __future__ import annotations

import shutil

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST

from catalogue import index_store
from common.outages import outage_of
from operations.metrics import page_of_figures
from recognition.errors import RecognitionError
from scanning import selectors

# Below this a large upload may not fit any more.
_LOW_DISK_BYTES = 2 * 1024**3


def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 with the checks, or 503 when the database cannot be reached."""
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


def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when requests can be served, else 503 with what stands in the way."""
    checks = {
        "database": _database_problem(),
        "index": _index_problem(),
        "storage": _storage_problem(),
    }
    ready = not any(checks.values())
    told = {name: problem or "ok" for name, problem in checks.items()}
    status = {"status": "ok" if ready else "error"}
    return JsonResponse(status | told, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the figures, to whoever knows the token of the settings."""
    token: str = settings.ACRPORTAL_METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not constant_time_compare(given, token):
        raise Http404
    return HttpResponse(page_of_figures(), content_type=CONTENT_TYPE_LATEST)


def _database_problem() -> str:
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "migrations are not applied"
    except DatabaseError:
        return "unreachable"
    return ""


def _index_problem() -> str:
    try:
        # There is no bucket 0: a question that costs nothing and has to be answered.
        index_store.open_index().recordings(0)
    except (RecognitionError, OSError) as error:
        return str(error)
    return ""


def _storage_problem() -> str:
    try:
        name = default_storage.save("readiness/probe", ContentFile(b"probe"))
        default_storage.delete(name)
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    except Exception as error:
        # Of the client of object storage, which is loaded only where that is used.
        if outage_of(error) is None:
            raise
        return f"cannot be written: {error}"
    return ""
