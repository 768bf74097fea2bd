"""The application of Celery's own commands: ``celery -A base.jobs worker -Q work -c 1``."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
django.setup()

from base.jobs import broker_worker  # noqa: E402 - after the set-up of Django

app = broker_worker.worker_app()
