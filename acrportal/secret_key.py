"""Makes the installation's secret key: ``python -m acrportal.secret_key FILE``.

Stands apart from Django, because Django does not start without the key.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path


def ensure_secret_key(path: Path) -> None:
    """Write a new key to ``path``, readable by its owner alone, unless one is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))


if __name__ == "__main__":
    ensure_secret_key(Path(sys.argv[1]))
