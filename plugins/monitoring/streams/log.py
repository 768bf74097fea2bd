"""The log of plays on streams: one row per play, with the title that was sent."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from plugins.monitoring.streams.models import Airplay
from reports.cells import Cell, ColumnType, ValueType, as_cell
from reports.tables import ListReport

SCHEMA = "airplays/1"
FIELDS = (
    ColumnType("report_schema", ValueType.TEXT),
    ColumnType("play_id", ValueType.TEXT),
    ColumnType("state", ValueType.ENUM),
    ColumnType("station", ValueType.TEXT),
    ColumnType("station_custom_id", ValueType.TEXT),
    ColumnType("territory", ValueType.TEXT),
    ColumnType("stream_id", ValueType.TEXT),
    ColumnType("stream", ValueType.TEXT),
    ColumnType("starts_at", ValueType.TIME),
    ColumnType("ends_at", ValueType.TIME),
    ColumnType("station_time", ValueType.TEXT),
    ColumnType("length_ms", ValueType.INTEGER),
    ColumnType("recording_id", ValueType.TEXT),
    ColumnType("title", ValueType.TEXT),
    ColumnType("artists", ValueType.TEXT),
    ColumnType("isrc", ValueType.TEXT),
    ColumnType("custom_id", ValueType.TEXT),
    ColumnType("score", ValueType.DECIMAL),
    ColumnType("title_sent", ValueType.TEXT),
)
REPORT = ListReport("plays", SCHEMA, FIELDS)
_CHUNK = 2_000


def rows(plays: QuerySet[Airplay]) -> Iterator[list[Cell]]:
    """Yield plays in their order; they carry ``title_text``, as the log has it."""
    for play in plays.iterator(chunk_size=_CHUNK):
        yield _row(play)


def _row(play: Airplay) -> list[Cell]:
    stream, recording = play.stream, play.recording
    station = stream.station
    local = play.starts_at.astimezone(ZoneInfo(station.time_zone))
    values = (
        SCHEMA,
        play.uid,
        play.state,
        station.name,
        station.custom_id,
        station.territory,
        stream.uid,
        stream.name,
        play.starts_at,
        play.ends_at,
        local.isoformat(timespec="milliseconds"),
        round((play.ends_at - play.starts_at).total_seconds() * 1000),
        recording.uid,
        recording.full_title,
        recording.artist_names,
        recording.isrc,
        recording.custom_id,
        Decimal(f"{play.score:.1f}"),
        play.title_text or "",  # type: ignore[attr-defined]  # an annotation of the log
    )
    return [as_cell(value, field.kind) for value, field in zip(values, FIELDS, strict=True)]
