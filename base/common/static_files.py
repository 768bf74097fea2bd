"""Static files under versioned URLs, which browsers never request twice.

One version covers all files and precedes their names: ``/static/3f2a…/css/base.css``.
Relative references between files (``url()``, ``@import``, ``import``) stay inside the
same version, so no file needs rewriting or collecting.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

_DIGITS = 12
_VERSION = re.compile(rf"^[0-9a-f]{{{_DIGITS}}}/")


@cache
def version() -> str:
    """Return the hash of all static files, the same on every machine."""
    paths: dict[str, str] = {}
    for finder in finders.get_finders():
        for name, storage in finder.list(None):
            paths.setdefault(name, storage.path(name))
    content = hashlib.sha256()
    for name in sorted(paths):
        content.update(f"{name}\0".encode())
        content.update(hashlib.sha256(Path(paths[name]).read_bytes()).digest())
    return content.hexdigest()[:_DIGITS]


class VersionedStorage(StaticFilesStorage):
    """Builds versioned URLs; with DEBUG, plain ones, since files change."""

    def __init__(self) -> None:
        plain = settings.STATIC_URL
        super().__init__(base_url=plain if settings.DEBUG else f"{plain}{version()}/")


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """Serves the current version with an unlimited cache lifetime.

    Requests for another version, from a page loaded before an upgrade, or for none, get
    the current file, which browsers revalidate each time.
    """

    static_prefix: str
    _unversioned: str | None = None

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve a static file, or pass the request on."""
        answer: HttpResponseBase
        static_file = self._under_another_version(request.path_info)
        if static_file is None:
            answer = super().__call__(request)
        else:
            answer = self.serve(static_file, request)
            answer["Cache-Control"] = "no-cache"
        return answer

    def add_files_from_finders(self) -> None:
        """List all files; with DEBUG, files are looked up on request."""
        self._unversioned = self.static_prefix
        self.static_prefix = f"{self.static_prefix}{version()}/"
        super().add_files_from_finders()

    def immutable_file_test(self, path: str, url: str) -> bool:
        """Tell that the URL identifies the content; ``path`` is the local file."""
        return not self.autorefresh

    def _under_another_version(self, path: str) -> StaticFile | None:
        plain = self._unversioned
        if plain is None or not path.startswith(plain) or path in self.files:
            return None
        name = _VERSION.sub("", path.removeprefix(plain), count=1)
        static_file: StaticFile | None = self.files.get(f"{self.static_prefix}{name}")
        return static_file
