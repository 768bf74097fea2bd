"""Rows of a desk for the tests of access."""

from __future__ import annotations

from datetime import UTC, date, datetime

import statements.services
from base.accounts.models import User
from base.common.uid import new_uid
from catalogue.models import Recording
from imports.models import ImportStatus
from plugins.monitoring.broadcasts.models import Broadcast, BroadcastImport
from plugins.monitoring.declarations.models import (
    DECLARATION_STATEMENT,
    Declaration,
    DeclarationProfile,
)
from plugins.monitoring.streams.models import Airplay, Stream
from plugins.monitoring.tests.factories.streams import StationFactory, StreamFactory, make_airplay
from plugins.monitoring.tests.factories.unknown import make_item
from plugins.monitoring.unknown.models import KeptFile, UnknownItem
from reports.choices import RunState
from review.models import Match
from statements.choices import StatementState
from tests.security.world import Desk, fact_about


def broadcast_import(desk: Desk, person: User | None = None) -> BroadcastImport:
    return BroadcastImport.objects.create(
        file_name="broadcasts.csv", status=ImportStatus.CHECKED, made_by=person or desk.user
    )


def broadcast(desk: Desk) -> Broadcast:
    return desk.row(
        Broadcast,
        scanned_file=desk.file,
        station=stream(desk).station,
        starts_at=datetime(2026, 11, 3, 6, tzinfo=UTC),
        time_zone="UTC",
    )


def unknown_item(desk: Desk) -> UnknownItem:
    return desk.once(UnknownItem, lambda: make_item(container=desk.container))


def stream(desk: Desk) -> Stream:
    return desk.once(Stream, lambda: stream_of(desk, desk.user))


def stream_of(desk: Desk, person: User) -> Stream:
    return StreamFactory.create(container=desk.container, created_by=person)


def airplay(desk: Desk) -> Airplay:
    return desk.once(Airplay, lambda: make_airplay(stream(desk), recording=desk.recording))


def kept_file(desk: Desk) -> KeptFile:
    return desk.row(KeptFile, scanned_file=desk.file)


def declaration_profile() -> DeclarationProfile:
    profile = DeclarationProfile.objects.create(name=new_uid("dp"), format="cue-declaration")
    profile.stations.add(StationFactory.create())
    return profile


def declaration(person: User) -> Declaration:
    profile = declaration_profile()
    return Declaration.objects.create(
        profile=profile,
        profile_as_was=profile.snapshot,
        name="November",
        format=profile.format,
        begins=date(2026, 11, 1),
        ends=date(2026, 11, 30),
        run_by=person,
        run_by_name=person.username,
        state=RunState.CANCELLED,
        finished_at=datetime.now(tz=UTC),
    )


def declaration_about(_recording: Recording, person: User) -> Declaration:
    return declaration(person)


def end_declaration(made: Declaration, _person: User) -> None:
    """Let a declaration fail, as its job writes it."""
    Declaration.objects.filter(pk=made.pk).update(state=RunState.FAILED, message="No.")


def declared(match: Match, person: User) -> Declaration:
    """Return a declaration that was sent and names a match."""
    made = declaration(person)
    statements.services.issue(
        kind=DECLARATION_STATEMENT,
        subject=made.uid,
        name=made.name,
        facts=[fact_about(match)],
        user=person,
        state=StatementState.SENT,
    )
    return made
