"""Creates the installation's secret key: ``python -m acrportal.secret_key FILE``.

It does not use Django, which cannot start without the key.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path


def ensure_secret_key(path: Path) -> None:
    """Write a new key to ``path``, readable by its owner only, unless it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))


if __name__ == "__main__":
    ensure_secret_key(Path(sys.argv[1]))
