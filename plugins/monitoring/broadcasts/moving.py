"""Streams and their days of plays that move in from an account, and their undo."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.audit.models import Event
from imports.undoing.steps import Stays, Undo, missing
from plugins.monitoring.broadcasts.services import add_broadcast
from plugins.monitoring.streams import services as streams
from plugins.monitoring.streams.errors import StreamRefused
from plugins.monitoring.streams.models import Station, Stream, StreamRun
from plugins.moving.importing.records import Became, free_name, not_moved, refuse_name
from plugins.moving.importing.remote import RemoteStream
from plugins.moving.models import MovedOutcome
from review.programmes.errors import ProgrammeRefused
from scanning.models import Container, ScannedFile


class MovedStreams:
    """Keeps the streams of accounts, and the days of their plays as broadcasts."""

    def add(self, user: User, there: RemoteStream, container: Container) -> Became:
        """Add a stream that does not listen, with a station of its name."""
        # Stations stay when a move is undone.
        idle = Station.objects.exclude(pk__in=Stream.objects.present().values("station"))
        station = idle.filter(name=there.name).first()
        name = free_name(there.name, there.id, Station.objects)
        if not name and station is None:
            return refuse_name(there.name)
        try:
            # Both or neither: an address may be refused.
            with transaction.atomic():
                stream = streams.add_stream(
                    station=station or streams.add_station(user=user, name=name),
                    container=container,
                    name=there.name,
                    urls=there.urls,
                    user=user,
                    listening=False,
                    user_defined=there.user_defined,
                )
        except StreamRefused as refused:
            return not_moved("move_form", str(refused))
        return Became(MovedOutcome.NEW, streams.case_of(stream))

    def container_of(self, case: str) -> Container | None:
        """Return the container of a stream; None if the stream was deleted."""
        stream = _stream(case)
        return stream.container if stream else None

    def note_day(
        self, case: str, file: ScannedFile, begin: datetime, length_ms: int, user: User
    ) -> str:
        """Add the day as a broadcast of the stream's station; return why not."""
        stream = _stream(case)
        if stream is None:
            return ""
        try:
            add_broadcast(
                scanned_file=file,
                station=stream.station,
                values={"starts_at": begin, "length_ms": length_ms},
                user=user,
            )
        except ProgrammeRefused as refused:
            return str(refused)
        return ""


def _stream(case: str) -> Stream | None:
    rows = Stream.objects.select_related("station", "container")
    return rows.filter(uid=case.partition(":")[2]).first()


def why_stays(row: Model, gone: Collection[str]) -> str:
    """Return why an undo keeps a container (live streams) or a file (broadcasts), or ""."""
    if isinstance(row, Container):
        live = Stream.objects.present().filter(container=row)
        if any(f"stream:{uid}" not in gone for uid in live.values_list("uid", flat=True)):
            return _("It holds streams that stay.")
    if isinstance(row, ScannedFile):
        broadcasts = row.broadcasts.values_list("uid", flat=True)
        if any(f"broadcast:{uid}" not in gone for uid in broadcasts):
            return _("It has broadcasts. Delete them first.")
    return ""


def delete_stream(undo: Undo, event: Event) -> str:
    """Delete a stream that never listened."""
    row = Stream.objects.filter(uid=event.case.partition(":")[2]).first()
    if row is None:
        raise missing()
    if row.deleted_at is not None:
        return ""
    if row.enabled or StreamRun.objects.filter(stream=row).exists():
        raise Stays(_("It has listened since."))
    try:
        streams.delete_stream(stream=row, user=undo.user, reason=_("The import was undone."))
    except StreamRefused as refused:
        raise Stays(str(refused)) from refused
    undo.gone.add(event.case)
    return ""


def keep_station(_undo: Undo, _event: Event) -> str:
    """Keep a station: they are never deleted."""
    raise Stays(_("Stations stay: streams, broadcasts and figures refer to them."))
