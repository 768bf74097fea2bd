"""Static files at addresses that name their version, which browsers never ask for again.

The version is one for all files and stands before their names:
``/static/3f2a…/css/base.css``. What files name of each other relative to themselves, in
``url()``, ``@import`` and ``import``, lies under the same version, so nothing is rewritten and
nothing is collected.
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
    """Return what names the content of all static files; the same on every machine."""
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
    """Writes the addresses; with DEBUG on plain ones, since files then change."""

    def __init__(self) -> None:
        plain = settings.STATIC_URL
        super().__init__(base_url=plain if settings.DEBUG else f"{plain}{version()}/")


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """Serves the files under the version they have, for good.

    Under another version, which a page of before or after an upgrade names, or under none,
    they are what they are here, and asked for again each time.
    """

    static_prefix: str
    _unversioned: str | None = None

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer what asks for a static file; lead on the rest."""
        answer: HttpResponseBase
        other = self._under_another_version(request.path_info)
        if other is None:
            answer = super().__call__(request)
        else:
            answer = self.serve(other, request)
            answer["Cache-Control"] = "no-cache"
        return answer

    def add_files_from_finders(self) -> None:
        """List the files; with DEBUG on each is looked for when it is asked for."""
        self._unversioned = self.static_prefix
        self.static_prefix = f"{self.static_prefix}{version()}/"
        super().add_files_from_finders()

    def immutable_file_test(self, path: str, url: str) -> bool:
        """Tell that the address names its content; ``path`` is where it lies here."""
        return not self.autorefresh

    def _under_another_version(self, path: str) -> StaticFile | None:
        plain = self._unversioned
        if plain is None or not path.startswith(plain) or path in self.files:
            return None
        name = _VERSION.sub("", path.removeprefix(plain), count=1)
        found: StaticFile | None = self.files.get(f"{self.static_prefix}{name}")
        return found
