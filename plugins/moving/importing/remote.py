"""Reads the objects of an account, such as buckets, files, containers and streams.

Real answers vary: lists for documented objects, texts for numbers, missing fields. Each
value is read by its actual type; only what an object cannot be without is required.
Source: ACRCloud's Console API reference (buckets, audio-files, dedup-files,
file-scanning, bm-projects, ucf-projects, base-projects).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _

from base.common.outside_text import one_line
from catalogue.identifiers import BadIdentifier, check_iswc, check_upc
from catalogue.models import Recording
from imports.names import compared
from imports.recordings.column_names import COMMON_NAMES
from imports.recordings.rows import COLUMNS
from imports.results.file_scanning import milliseconds
from scanning.engines.acrcloud_results import storable

# Any in this module: JSON of another service.
Json = dict[str, Any]

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?\Z")
_COLUMNS = {compared(column): column for column in COLUMNS} | COMMON_NAMES


class UnknownForm(Exception):
    """An object lacks what it cannot be without; the text says what."""


@dataclass(frozen=True, slots=True)
class RemoteBucket:
    """A bucket."""

    id: str
    name: str
    type: str
    region: str
    labels: list[str]


@dataclass(frozen=True, slots=True)
class RemoteRecording:
    """A file of a bucket."""

    id: str
    acr_id: str
    details: Recording
    duration_ms: int


@dataclass(frozen=True, slots=True)
class RemoteTrack:
    """A row of a dedup bucket: a recording, and the ids by which programs know it."""

    id: str
    acr_id: str
    name: str
    track_ids: list[str]


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """A container, or a project of streams; ``buckets`` are ids and names."""

    id: str
    name: str
    region: str
    buckets: list[tuple[str, str]]
    audio_type: str
    engine: int
    policy: Json
    flags: dict[str, bool]
    callback_url: str


@dataclass(frozen=True, slots=True)
class RemoteStream:
    """A stream."""

    id: str
    name: str
    urls: list[str]
    user_defined: Json


@dataclass(frozen=True, slots=True)
class RemoteUnknown:
    """Sound that repeats and that the account cannot name; ``plays`` counts how often."""

    id: str
    name: str
    length_ms: int
    plays: int


def digest(value: object) -> str:
    """Return the same hash for equal values; those of dataclasses count."""
    plain = value if isinstance(value, dict | list) else asdict(value)  # type: ignore[call-overload]  # a dataclass
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def id_of(row: Json, *names: str) -> str:
    """Return the id of an object. Raises ``UnknownForm`` without one."""
    for name in names or ("id",):
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value:
            return _plain(str(value), 64)
    raise UnknownForm(_("It has no id."))


def read_bucket(row: Json) -> RemoteBucket:
    """Read a bucket. Raises ``UnknownForm``."""
    labels = row.get("labels")
    return RemoteBucket(
        id=id_of(row),
        name=_needed(row, "name", 200),
        type=text_of(row.get("type"), 40) or "File",
        region=text_of(row.get("region"), 32),
        labels=[name for label in _list(labels) if (name := text_of(label, 100))],
    )


def read_recording(row: Json) -> RemoteRecording:
    """Read a file of a bucket. Raises ``UnknownForm``."""
    acr_id = _acr_id(row)
    title = text_of(row.get("title"), 500) or text_of(row.get("name"), 500)
    if not title:
        raise UnknownForm(_("It has no title."))
    return RemoteRecording(
        id=id_of(row),
        acr_id=acr_id,
        details=_details(title, row),
        duration_ms=milliseconds(row.get("duration")),
    )


def read_track(row: Json, bucket: str) -> RemoteTrack:
    """Read a row of a dedup bucket; it has no id of its own. Raises ``UnknownForm``."""
    acr_id = _acr_id(row)
    ids = [name for file in _list(row.get("dup_files")) if (name := text_of(file, 200))]
    return RemoteTrack(
        id=f"{bucket[:60]}:{acr_id}",
        acr_id=acr_id,
        name=ids[0] if ids else acr_id,
        track_ids=list(dict.fromkeys(ids)),
    )


def read_settings(row: Json) -> RemoteSettings:
    """Read a container or a project of streams. Raises ``UnknownForm``."""
    policy, engine = row.get("policy"), row.get("engine")
    callback = text_of(row.get("callback_url"), 2000)
    return RemoteSettings(
        id=id_of(row),
        name=_needed(row, "name", 200),
        region=text_of(row.get("region"), 32),
        buckets=[
            (text_of(bucket.get("id"), 64), text_of(bucket.get("name"), 200))
            if isinstance(bucket, dict)
            else (text_of(bucket, 64), "")
            for bucket in _list(row.get("buckets"))
        ],
        audio_type=text_of(row.get("audio_type"), 16),
        engine=engine if isinstance(engine, int) and 1 <= engine <= 5 else 1,
        policy=_object(policy),
        flags={
            name: row.get(name) in (True, 1, "1")
            for name in ("deepright", "music_detection", "ai_detection")
        },
        callback_url=callback if callback.startswith(("http://", "https://")) else "",
    )


def read_stream(row: Json) -> RemoteStream:
    """Read a stream. Raises ``UnknownForm``."""
    urls = row.get("stream_urls", row.get("stream_url"))
    name = text_of(row.get("name"), 200) or text_of(row.get("stream_name"), 200)
    if not name:
        raise UnknownForm(_("It has no name."))
    return RemoteStream(
        id=id_of(row, "stream_id", "id"),
        name=name,
        urls=[url for address in _list(urls) if (url := text_of(address, 2001))],
        user_defined=_object(row.get("user_defined")),
    )


def read_unknown(row: Json, project: str) -> RemoteUnknown:
    """Read a result of a project; portals show one in several. Raises ``UnknownForm``."""
    key = id_of(row)
    metadata = _object(row.get("metadata"))
    title = text_of(metadata.get("title"), 500)
    return RemoteUnknown(
        id=f"{project[:30]}:{key}",
        name=title or key,
        length_ms=_whole(row.get("duration_ms")),
        plays=_whole(row.get("num")),
    )


def text_of(value: object, limit: int) -> str:
    """Return a text or a whole number as a text without control characters."""
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return _plain(str(value), limit)


def _details(title: str, row: Json) -> Recording:
    """Return the metadata; known names in ``user_defined`` fill columns, too."""
    user_defined = _object(row.get("user_defined"))
    columns: dict[str, object] = {}
    for name, value in user_defined.items():
        columns.setdefault(_COLUMNS.get(compared(str(name)), ""), value)
    date = text_of(columns.get("release_date"), 10)

    def text(name: str, limit: int) -> str:
        return text_of(columns.get(name), limit)

    def names(name: str) -> list[str]:
        entries = (text_of(entry, 300) for entry in _list(columns.get(name)))
        return [entry for entry in entries if entry][:50]

    return Recording(
        title=title,
        custom_id=text_of(row.get("audio_id"), 200),
        version_title=text("version_title", 500),
        artists=names("artists"),
        album=text("album", 500),
        label=text("label", 300),
        release_date=date if _DATE.match(date) else "",
        isrc=text("isrc", 40),
        upc=_check_code(check_upc, columns.get("upc")),
        iswc=_check_code(check_iswc, columns.get("iswc")),
        writers=names("writers"),
        publishers=names("publishers"),
        notes=text("notes", 4000),
        user_defined=user_defined,
    )


def _check_code(check: Any, value: object) -> str:  # Any: a check of identifiers
    try:
        return str(check(text_of(value, 40)))
    except BadIdentifier:
        return ""


def _whole(value: object) -> int:
    """Return a whole number, also one that came as a text; else 0."""
    text = text_of(value, 12)
    return int(text) if text.isascii() and text.isdecimal() else 0


def _acr_id(row: Json) -> str:
    acr_id = text_of(row.get("acr_id") or row.get("acrid"), 65)
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,32}", acr_id):
        raise UnknownForm(_("It has no usable ACR id."))
    return acr_id


def _needed(row: Json, name: str, limit: int) -> str:
    text = text_of(row.get(name), limit)
    if not text:
        raise UnknownForm(_("It has no name."))
    return text


def _object(value: object) -> Json:
    """Return an object, also one that came as a text; anything else is empty."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(value, dict):
        return {}
    return storable(value)


def _list(value: object) -> list[object]:
    """Return a list; a single value or a text with bars is one, too."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return list(value.split("|"))
    return [value] if isinstance(value, dict | int) else []


def _plain(text: str, limit: int) -> str:
    return one_line(text, limit)
