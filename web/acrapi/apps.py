"""The app of the ACRCloud-compatible API; wire names appear only in this package."""

from __future__ import annotations

from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AcrapiConfig(AppConfig):
    """Sends the outgoing callbacks of scans."""

    name = "web.acrapi"

    def ready(self) -> None:
        """Queue callbacks in the transactions that end a scan; tidy up."""
        from base.jobs.periodic import periodic
        from scanning.ending import scan_settled
        from web.acrapi.results import queue_for_scan

        scan_settled.connect(queue_for_scan, dispatch_uid="acrapi")
        periodic(
            "staged_uploads",
            "web.acrapi.uploads.discard_expired",
            every=timedelta(minutes=15),
            label=_("Removal of files that nobody submitted"),
        )
