"""Scanning: what machines found in the files people brought."""

from __future__ import annotations

from django.apps import AppConfig


class ScanningConfig(AppConfig):
    """Holds containers, scanned files, scans and detections."""

    name = "scanning"
