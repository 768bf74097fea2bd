"""Makes the process an installation of its own, for what is measured inside Django."""

from __future__ import annotations

import os
from pathlib import Path


def set_up(folder: Path, database: str | None = None, **settings: str) -> None:
    """Use ``folder`` for everything, and ``database`` where one is named.

    ``settings`` are further environment variables. Nothing of Django may have been
    imported before.
    """
    os.environ |= {
        "ACRPORTAL_DATA_DIR": str(folder),
        "DATABASE_URL": database or f"sqlite:///{folder}/portal.sqlite3",
        "SECRET_KEY": "only-for-this-measurement",
        "ACRPORTAL_HTTPS": "off",
        "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        **settings,
    }
    import django

    django.setup()
