"""The health endpoint: is the portal able to do its work?"""

from __future__ import annotations

import shutil

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

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
