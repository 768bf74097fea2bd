"""What people stated to others of files and recordings, as packages above know it.

A file or recording that ends or changes takes the ground from it: previews list it, and
the event of the change keeps it where nobody could be asked, as in the APIs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from base.common.batches import batched
from base.common.registry import Registry

_AT_ONCE = 500
_NAMED = 10


class StatementKind(StrEnum):
    """What states something of a match; of each kind, what has left or was signed off.

    Packages above have kinds of their own: ``statements.kinds`` knows all.
    """

    CUE_SHEET = "cue_sheet"
    EVIDENCE = "evidence"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class StandingStatement:
    """A statement that stands on a file or recording."""

    kind: str
    uid: str
    name: str
    url: str = ""


Standing = Mapping[str, Sequence[StandingStatement]]
finders: Registry[Callable[[Sequence[str]], Standing]] = Registry()
"""Functions that return, by cases such as "file:…", the statements that the viewer sees."""


def standing_on(cases: Iterable[str]) -> dict[str, list[StandingStatement]]:
    """Return the statements that stand on files and recordings, by their cases."""
    by_case: dict[str, list[StandingStatement]] = {}
    for batch in batched(dict.fromkeys(cases), _AT_ONCE):
        for find in finders:
            for case, statements in find(batch).items():
                by_case.setdefault(case, []).extend(statements)
    return by_case


def counted_by_kind(cases: Iterable[str]) -> dict[str, dict[str, Any]]:  # Any: JSON
    """Return how many statements of each kind stand on files and recordings.

    Each count comes with the ids of the first of them.
    """
    statements = dict.fromkeys(chain.from_iterable(standing_on(cases).values()))
    uids: dict[str, list[str]] = {}
    for statement in statements:
        uids.setdefault(statement.kind, []).append(statement.uid)
    return {
        kind: {"count": len(kind_uids), "first": kind_uids[:_NAMED]}
        for kind, kind_uids in uids.items()
    }


def as_event(statements: Iterable[StandingStatement]) -> dict[str, Any]:  # Any: JSON
    """Return what an event keeps of the statements; nothing without any."""
    uids: dict[str, list[str]] = {}
    for statement in statements:
        uids.setdefault(statement.kind, []).append(statement.uid)
    return {"stated": uids} if uids else {}
