"""Stores a declaration's content: JSON Lines, the same bytes for the same facts.

The first line is the declaration itself, then come its stations, recordings and plays,
each line with its kind.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.core.files.base import File

from plugins.monitoring.declarations.facts import (
    Contributor,
    DeclarationFacts,
    EpisodeFacts,
    PartyFacts,
    PlayFacts,
    RecordingFacts,
    StationFacts,
)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_LISTS: Final = ("stations", "recordings", "plays")


def lines_of(facts: DeclarationFacts) -> Iterator[bytes]:
    """Yield the lines of some facts; what nobody has said is left out."""
    yield _line({"kind": "declaration", **_plain(facts, without=_LISTS)})
    for name in _LISTS:
        for record in getattr(facts, name):
            yield _line({"kind": name, **_plain(record)})


def facts_in(stored: File[bytes]) -> DeclarationFacts:
    """Read kept facts again. Raises ``ValueError`` if the file is damaged."""
    own: dict[str, Any] = {}  # Any: columns by name
    lists: dict[str, Any] = {name: [] for name in _LISTS}
    with stored.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            kind = record.pop("kind")
            if kind == "declaration":
                own = _read(record, _OF_DECLARATION)
            else:
                made, readers = _KINDS[kind]
                lists[kind].append(made(**_read(record, readers)))
    return DeclarationFacts(**own, **lists)


def described(recording: RecordingFacts) -> dict[str, Any]:  # Any: JSON
    """Return what is said of a recording as JSON."""
    return _plain(recording)


def recording_in(plain: Mapping[str, Any]) -> RecordingFacts:  # Any: JSON
    """Return the facts about a recording from their JSON."""
    kind, readers = _KINDS["recordings"]
    facts: RecordingFacts = kind(**_read(plain, readers))
    return facts


def _line(record: Mapping[str, object]) -> bytes:
    return f"{_encode(record)}\n".encode()


def _plain(record: Any, *, without: Iterable[str] = ()) -> dict[str, Any]:
    """Return a record's known values as JSON. Any: one of the facts."""
    names, optional = _names_of(type(record))
    plain = {}
    for name in names:
        if name in without:
            continue
        value = getattr(record, name)
        if name in optional and (value is None or value == "" or value == ()):
            continue
        plain[name] = _json(value)
    return plain


_names: dict[type, tuple[tuple[str, ...], frozenset[str]]] = {}


def _names_of(kind: type) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the names of a dataclass's fields, and of those with a default."""
    # Asking a dataclass for its fields takes longer than reading them.
    if kind not in _names:
        kind_fields = fields(kind)
        _names[kind] = (
            tuple(field.name for field in kind_fields),
            frozenset(field.name for field in kind_fields if field.default is not MISSING),
        )
    return _names[kind]


def _json(value: Any) -> Any:  # Any: a value of the facts
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    return _plain(value)


def _read(
    record: Mapping[str, Any], readers: Mapping[str, Callable[[Any], Any]]
) -> dict[str, Any]:  # Any: JSON, and values of the facts
    return {
        name: readers[name](value) if name in readers else value for name, value in record.items()
    }


def _people(people: Iterable[Mapping[str, str]]) -> tuple[Contributor, ...]:
    return tuple(Contributor(**person) for person in people)


_OF_DECLARATION: Final[Mapping[str, Callable[[Any], Any]]] = {
    "created_at": datetime.fromisoformat,
    "begins": date.fromisoformat,
    "ends": date.fromisoformat,
    "sender": lambda party: PartyFacts(**party),
    "recipient": lambda party: PartyFacts(**party),
}
_KINDS: Final[Mapping[str, tuple[type, Mapping[str, Callable[[Any], Any]]]]] = {
    "stations": (StationFacts, {"listener_hours": Decimal, "net_revenue": Decimal}),
    "recordings": (
        RecordingFacts,
        {
            "artists": tuple,
            "released": date.fromisoformat,
            "writers": _people,
            "publishers": _people,
            "own_share": Decimal,
        },
    ),
    "plays": (
        PlayFacts,
        {
            "broadcast_starts_at": datetime.fromisoformat,
            "starts_at": datetime.fromisoformat,
            "recorded_on": date.fromisoformat,
            "episode": lambda episode: EpisodeFacts(**episode),
        },
    ),
}
