"""Every requirement of the standard has a row, and every test that a row names exists."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# Levels 1 and 2 of OWASP ASVS 4.0.3, from its CSV at github.com/OWASP/ASVS (4.0/docs_en).
REQUIRED = {
    "1.1": (1, 2, 3, 4, 5, 6, 7),
    "1.2": (1, 2, 3, 4),
    "1.4": (1, 4, 5),
    "1.5": (1, 2, 3, 4),
    "1.6": (1, 2, 3, 4),
    "1.7": (1, 2),
    "1.8": (1, 2),
    "1.9": (1, 2),
    "1.10": (1,),
    "1.11": (1, 2),
    "1.12": (2,),
    "1.14": (1, 2, 3, 4, 5, 6),
    "2.1": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
    "2.2": (1, 2, 3),
    "2.3": (1, 2, 3),
    "2.4": (1, 2, 3, 4, 5),
    "2.5": (1, 2, 3, 4, 5, 6, 7),
    "2.6": (1, 2, 3),
    "2.7": (1, 2, 3, 4, 5, 6),
    "2.8": (1, 2, 3, 4, 5, 6, 7),
    "2.9": (1, 2, 3),
    "2.10": (1, 2, 3, 4),
    "3.1": (1,),
    "3.2": (1, 2, 3, 4),
    "3.3": (1, 2, 3, 4),
    "3.4": (1, 2, 3, 4, 5),
    "3.5": (1, 2, 3),
    "3.7": (1,),
    "4.1": (1, 2, 3, 5),
    "4.2": (1, 2),
    "4.3": (1, 2, 3),
    "5.1": (1, 2, 3, 4, 5),
    "5.2": (1, 2, 3, 4, 5, 6, 7, 8),
    "5.3": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    "5.4": (1, 2, 3),
    "5.5": (1, 2, 3, 4),
    "6.1": (1, 2, 3),
    "6.2": (1, 2, 3, 4, 5, 6),
    "6.3": (1, 2),
    "6.4": (1, 2),
    "7.1": (1, 2, 3, 4),
    "7.2": (1, 2),
    "7.3": (1, 3, 4),
    "7.4": (1, 2, 3),
    "8.1": (1, 2, 3, 4),
    "8.2": (1, 2, 3),
    "8.3": (1, 2, 3, 4, 5, 6, 7, 8),
    "9.1": (1, 2, 3),
    "9.2": (1, 2, 3, 4),
    "10.2": (1, 2),
    "10.3": (1, 2, 3),
    "11.1": (1, 2, 3, 4, 5, 6, 7, 8),
    "12.1": (1, 2, 3),
    "12.2": (1,),
    "12.3": (1, 2, 3, 4, 5, 6),
    "12.4": (1, 2),
    "12.5": (1, 2),
    "12.6": (1,),
    "13.1": (1, 3, 4, 5),
    "13.2": (1, 2, 3, 5, 6),
    "13.3": (1, 2),
    "13.4": (1, 2),
    "14.1": (1, 2, 3, 4),
    "14.2": (1, 2, 3, 4, 5, 6),
    "14.3": (2, 3),
    "14.4": (1, 2, 3, 4, 5, 6, 7),
    "14.5": (1, 2, 3, 4),
}
_ROW = re.compile(r"^\|([\d., –]+)\|", re.MULTILINE)


def _named() -> list[str]:
    """Return the requirements that the rows name; "2.7" stands for its whole section."""
    text = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
    named: list[str] = []
    for cell in _ROW.findall(text):
        for part in cell.split(", "):
            first, _, last = part.partition(" – ")
            section, number = first.rsplit(".", 1)
            if section in REQUIRED:
                until = int(last.rsplit(".", 1)[1]) if last else int(number)
                numbers = [n for n in REQUIRED[section] if int(number) <= n <= until]
            else:
                section, numbers = first, list(REQUIRED[first])
            named += [f"{section}.{n}" for n in numbers]
    return named


def test_every_requirement_has_one_row() -> None:
    required = {f"{section}.{n}" for section, all_ in REQUIRED.items() for n in all_}
    named = Counter(_named())

    assert len(required) == 259
    assert not required - named.keys()
    assert not {name for name, times in named.items() if times > 1}


def test_every_named_test_exists() -> None:
    text = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
    missing = []
    for path, test in re.findall(r"`((?:plugins/\w+/)?tests/[\w/.]+?)(?:::(\w+))?`", text):
        file = ROOT / path
        source = file.read_text(encoding="utf-8") if file.is_file() else ""
        if not file.exists() or (test and f"def {test}(" not in source):
            missing.append(f"{path}::{test}")

    assert not missing
