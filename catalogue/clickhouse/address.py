"""Parse ``INDEX_URL``; a module of its own, because the settings need it first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_FORM = "clickhouse://USER:PASSWORD@host[:port]/database[?cluster=NAME&https=on]"
# Names go into statements unquoted, so nothing else may pass.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTIONS = {"cluster", "https"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the index is; ``cluster`` names the servers it is distributed over."""

    host: str
    port: int
    user: str
    password: str
    database: str
    cluster: str = ""
    https: bool = False

    def url(self, host: str = "") -> str:
        """Return the HTTP address of a server, by default the one of the URL."""
        name = host or self.host
        shown = f"[{name}]" if ":" in name else name
        return f"{'https' if self.https else 'http'}://{shown}:{self.port}/"


def parse_index_url(url: str) -> Address:
    """Parse an ``INDEX_URL``; raise ``ImproperlyConfigured`` if it is malformed."""
    parts = urlsplit(url)
    database = parts.path.strip("/")
    # An option given twice: the last one counts.
    more = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    https, cluster = more.get("https") == "on", more.get("cluster", "")
    names = [database, *([cluster] if cluster else [])]
    whole = parts.scheme == "clickhouse" and parts.hostname and parts.username
    if not whole or more.keys() - _OPTIONS or not all(map(_NAME.fullmatch, names)):
        raise ImproperlyConfigured(f"INDEX_URL must have the form {_FORM}.")
    try:
        port = parts.port or (8443 if https else 8123)
    except ValueError as error:
        raise ImproperlyConfigured(f"INDEX_URL: {error}.") from error
    return Address(
        host=parts.hostname or "",
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=database,
        cluster=cluster,
        https=https,
    )
