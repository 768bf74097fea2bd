"""Refuses settings that still hold the example's placeholder."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured

# ``python -m acrportal.secret_key`` writes 67 characters.
MIN_KEY_CHARACTERS = 32
_MIN_DISTINCT = 8
_PLACEHOLDER = re.compile(
    r"change[-_ ]?(me|this|it)|django-insecure|your[-_ ]?secret|replace[-_ ]?me", re.IGNORECASE
)
_SECRETS = (
    "DATABASE_URL",
    "BROKER_URL",
    "STORAGE_URL",
    "ACRPORTAL_BACKUP_URL",
    "EMAIL_URL",
    "ACRPORTAL_METRICS_TOKEN",
    "ACRPORTAL_OIDC_CLIENT_SECRET",
)


def refuse_placeholders(environment: Any) -> None:  # Any: django-environ is not typed
    """Raise if a secret setting still holds the example's text."""
    for name in _SECRETS:
        if _PLACEHOLDER.search(environment.str(name, default="")):
            raise ImproperlyConfigured(
                f"{name} still holds the example's placeholder. Replace it by your own value."
            )


def check_secret_key(key: str) -> str:
    """Return the key; raise if it could be guessed."""
    if _PLACEHOLDER.search(key):
        problem = "SECRET_KEY is the placeholder of an example, which everybody knows"
    elif len(key) < MIN_KEY_CHARACTERS:
        problem = f"SECRET_KEY has {len(key)} characters; it needs {MIN_KEY_CHARACTERS} or more"
    elif len(set(key)) < _MIN_DISTINCT:
        problem = "SECRET_KEY repeats a few characters and could be guessed"
    else:
        return key
    raise ImproperlyConfigured(
        f"{problem}. Sessions could be forged with it. Create a random key with: "
        'python -c "import secrets; print(secrets.token_urlsafe(50))"'
    )
