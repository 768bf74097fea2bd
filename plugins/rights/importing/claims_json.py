"""Claims, faults and counts as JSON lines, between the confined reader and the import."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from base.common.confined import json_line
from plugins.rights.claims import (
    ClaimFault,
    PartyClaim,
    RecordingClaim,
    ReleaseClaim,
    RightsMessage,
    ShareClaim,
    TitleClaim,
    WorkClaim,
)
from plugins.rights.importing.faults import Read, ReadCounts

# Any in this module: JSON.
_Json = dict[str, Any]
_FIELDS: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(field.name for field in dataclasses.fields(kind))
    for kind in (
        ClaimFault,
        PartyClaim,
        ReadCounts,
        RecordingClaim,
        ReleaseClaim,
        RightsMessage,
        ShareClaim,
        TitleClaim,
        WorkClaim,
    )
}


def to_line(read: Read) -> bytes:
    """Return something read as one line of JSON."""
    return json_line([type(read).__name__, read], default=_plain)


def _plain(value: object) -> object:
    """Return a record as its fields without the empty ones, which are the defaults."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    fields = {name: getattr(value, name) for name in _FIELDS[type(value)]}
    return {
        name: field_value
        for name, field_value in fields.items()
        if field_value not in ("", (), None)
    }


def from_json(value: Any) -> Read:
    """Return what ``to_line`` wrote."""
    kind, fields = value
    if kind == ClaimFault.__name__:
        return ClaimFault(**{"line": None, "value": "", **fields})
    if kind == ReadCounts.__name__:
        return ReadCounts(
            Counter(fields["records"]), Counter(fields["skipped"]), refused=fields["refused"]
        )
    created = fields.get("created")
    return RightsMessage(
        format=fields["format"],
        version=fields.get("version", ""),
        sender=fields.get("sender", ""),
        message_id=fields.get("message_id", ""),
        created=datetime.fromisoformat(created) if created else None,
        parties=tuple(map(_party, fields.get("parties", ()))),
        works=tuple(map(_work, fields.get("works", ()))),
        recordings=tuple(map(_recording, fields.get("recordings", ()))),
        releases=tuple(map(_release, fields.get("releases", ()))),
    )


def _party(fields: _Json) -> PartyClaim:
    return PartyClaim(**{"name": "", **fields})


def _shares(fields: _Json) -> tuple[ShareClaim, ...]:
    return tuple(map(_share, fields.get("shares", ())))


def _share(fields: _Json) -> ShareClaim:
    percent = fields.get("percent")
    return ShareClaim(
        **{
            "role": "",
            **fields,
            "percent": None if percent is None else Decimal(percent),
            "included": tuple(fields.get("included", ())),
            "excluded": tuple(fields.get("excluded", ())),
            "valid_from": _date(fields.get("valid_from")),
            "valid_until": _date(fields.get("valid_until")),
        }
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _work(fields: _Json) -> WorkClaim:
    titles = fields.get("titles", ())
    return WorkClaim(
        **{
            "title": "",
            **fields,
            "titles": tuple(TitleClaim(**title) for title in titles),
            "shares": _shares(fields),
            "recordings": tuple(fields.get("recordings", ())),
        }
    )


def _recording(fields: _Json) -> RecordingClaim:
    return RecordingClaim(
        **{
            **fields,
            "artists": tuple(fields.get("artists", ())),
            "shares": _shares(fields),
            "works": tuple(fields.get("works", ())),
        }
    )


def _release(fields: _Json) -> ReleaseClaim:
    return ReleaseClaim(
        **{
            "title": "",
            **fields,
            "tracks": tuple(fields.get("tracks", ())),
            "artists": tuple(fields.get("artists", ())),
            "released": _date(fields.get("released")),
        }
    )
