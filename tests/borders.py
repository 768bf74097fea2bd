"""Tells which tests are about monitoring; a portal without it cannot import them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

_ROOT = Path(__file__).parent.parent
_ABOVE = r"monitoring|operations\.monitoring"
_OF_PORTAL = r"declarations|broadcasts|streams|unknown|\w+\.monitoring"
_MONITORING = re.compile(
    rf"^(?:from|import) (?:(?:{_ABOVE})\b|portal\.(?:{_OF_PORTAL})\b"
    r"|portal\.api\.(?:broadcasts|declarations|streams)\b"
    r"|acrapi\.(?:views\.)?(?:monitor|unknown|stream)"
    r"|portal import (?:monitoring|streams|unknown))",
    re.M,
)
_HELPER = re.compile(r"^from (tests[\w.]*) import (\([\w\s,]+\)|[\w, ]+)", re.M)


with_monitoring = pytest.mark.skipif(
    not settings.ACRPORTAL_MONITORING, reason="it is about what monitoring adds"
)


@cache
def is_about_monitoring(path: Path) -> bool:
    """Return whether a module imports monitoring, itself or through the tests' modules."""
    text = path.read_text(encoding="utf-8")
    if _MONITORING.search(text):
        return True
    return any(
        is_about_monitoring(helper)
        for helper in _helpers(text)
        if helper != path and helper.name != "conftest.py"
    )


def _helpers(text: str) -> list[Path]:
    found = []
    for package, names in _HELPER.findall(text):
        base = _ROOT / package.replace(".", "/")
        paths = [base.with_suffix(".py")]
        paths += [base / f"{name}.py" for name in re.findall(r"\w+", names)]
        found += [path for path in paths if path.is_file()]
    return found
