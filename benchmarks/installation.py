"""Makes this process a separate installation, for measurements inside Django."""

from __future__ import annotations

import os
from pathlib import Path


def set_up(folder: Path, database: str | None = None, **settings: str) -> None:
    """Use ``folder`` for all data, and ``database`` if given.

    ``settings`` are further environment variables. Call this before any import of
    Django.
    """
    os.environ |= {
        "ACRPORTAL_DATA_DIR": str(folder),
        "DATABASE_URL": database or f"sqlite:///{folder}/portal.sqlite3",
        "SECRET_KEY": "only-for-this-measurement-and-long-enough",
        "ACRPORTAL_HTTPS": "off",
        "LOG_LEVEL": "WARNING",
        "ACRPORTAL_SECOND_FACTOR_ROLES": "",
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        **settings,
    }
    import django

    django.setup()
