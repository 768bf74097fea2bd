"""Static files have versioned names, and browsers cache them permanently."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from django.conf import settings as configured
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.templatetags.static import static
from django.test import Client, RequestFactory
from pytest_django import Settings

from base.common import static_files
from base.common.static_files import VersionedStorage
from tests import product

STATIC = Path(configured.BASE_DIR) / "static"
# In url(), @import, import … from "…", import("…"), href="…" and xlink:href="…".
_NAMED = re.compile(
    r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)"""
    r"""|(?:\bfrom\s+|\bimport\s*\(?\s*)["']([^"'\s]+)|\bhref=["']([^"']+)"""
)


def test_address_names_the_version_and_is_kept_for_good(client: Client) -> None:
    address = static("css/base.css")

    answer = client.get(address)

    assert re.fullmatch(r"/static/[0-9a-f]{12}/css/base\.css", address)
    assert answer.status_code == 200
    assert "immutable" in answer["Cache-Control"]
    assert "public" in answer["Cache-Control"]
    match = re.search(r"max-age=(\d+)", answer["Cache-Control"])
    assert match is not None
    assert int(match[1]) >= 31_536_000
    # So are files of Django.
    assert "immutable" in client.get(static("admin/js/theme.js"))["Cache-Control"]


def test_other_versions_are_what_is_here_and_asked_for_again(client: Client) -> None:
    for address in ("/static/css/base.css", "/static/0123456789ab/css/base.css"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert b"".join(answer) == (STATIC / "css" / "base.css").read_bytes()
        assert answer["Cache-Control"] == "no-cache"
        since = {"If-Modified-Since": answer["Last-Modified"]}
        again = client.get(address, headers=since)
        assert again.status_code == 304
        assert again["Cache-Control"] == "no-cache"

    for address in (
        "/static/css/none.css",
        "/static/0123456789ab/css/none.css",
        "/static/0123456789ab/",
        "/static/0123456789ab/../../manage.py",
        "/static/0123456789ab/0123456789ab/css/base.css",
    ):
        assert client.get(address).status_code in {302, 404}, address


def test_changed_file_changes_the_version(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATICFILES_DIRS = [tmp_path]
    monkeypatch.setattr(finders, "get_finders", lambda: [finders.FileSystemFinder()])
    monkeypatch.setattr(static_files, "version", static_files.version.__wrapped__)
    names = []

    for content in ("a {}", "b {}", "a {}"):
        (tmp_path / "own.css").write_text(content, encoding="utf-8")
        names.append(VersionedStorage().url("own.css"))

    first, second, third = names
    assert first != second
    assert first == third


def test_with_debug_on_a_file_is_looked_for_each_time(settings: Settings) -> None:
    settings.DEBUG = True
    address = VersionedStorage().url("css/base.css")

    answer = static_files.StaticFiles(lambda _: HttpResponse(status=404))(
        RequestFactory().get(address)
    )

    assert address == "/static/css/base.css"
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "max-age=0, public"


def test_what_files_name_of_each_other_lies_under_the_same_version() -> None:
    """A name from the root, or one that leaves it, would lose the version."""
    checked = 0
    for path in product.files((".css", ".js", ".svg")):
        if "vendor" in path.parts or "static" not in path.parts:
            continue
        own = f"/version/{product.name_of(path).rpartition('static/')[2]}"
        for groups in _NAMED.findall(path.read_text(encoding="utf-8")):
            name = "".join(groups)
            if name.startswith(("#", "data:", "${")):
                continue
            whole = urljoin(own, name.partition("#")[0])
            assert not name.startswith("/"), (path, name)
            assert finders.find(whole.removeprefix("/version/")), (path, name)
            checked += 1
    assert checked > 20
