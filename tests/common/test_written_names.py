"""Names that Django derives from the code, as people write them."""

from __future__ import annotations

import re

from base.common.phrases import derived_names, written


def test_names_are_written_as_people_write_them() -> None:
    for derived, expected in (
        ("created at", "created at"),
        ("start ms", "start (ms)"),
        ("size bytes", "size (bytes)"),
        ("speech pct", "speech (%)"),
        ("is shared", "shared"),
        ("run by name", "run by"),
        ("uid", "id"),
        ("audio sha256", "audio SHA-256"),
        ("callback url", "callback address"),
        ("every seconds", "interval"),
    ):
        assert written(derived) == expected


def test_no_name_shows_how_the_code_writes_it() -> None:
    coded = re.compile(r"\b(uid|sha256|url|pct)\b|\bms$|^is ", re.IGNORECASE)

    assert [name for name in derived_names() if coded.search(name)] == []
