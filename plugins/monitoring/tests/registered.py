"""What this capability registers in the lists of the tests."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial

from base.accounts.roles import Action, Role
from plugins.monitoring.broadcasts import services as broadcasts
from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.broadcasts.models import Audience, Revenue
from plugins.monitoring.declarations import services as declarations
from plugins.monitoring.declarations.models import DeclarationProfile
from plugins.monitoring.pages.declarations.forms import DeclarationProfileForm
from plugins.monitoring.pages.streams.forms import StationForm, StreamForm, StreamSettingsForm
from plugins.monitoring.pages.unknown.forms import UnknownPolicyForm
from plugins.monitoring.streams import services as streams
from plugins.monitoring.streams.models import Station, Stream, StreamNotice
from plugins.monitoring.tests import rows
from plugins.monitoring.tests.factories.streams import (
    StationFactory,
    StreamAlarmFactory,
    StreamFactory,
    StreamGapFactory,
    StreamHourFactory,
    StreamTitleFactory,
)
from plugins.monitoring.tests.factories.unknown import OccurrenceFactory
from plugins.monitoring.unknown import actions as unknown
from plugins.monitoring.unknown.models import IgnoreReason, UnknownPolicy
from tests.allowed import OWN_JSON, PLAIN_CSV
from tests.portal.followed_lists import LISTS, Followed
from tests.scanning.podcast import Podcast
from tests.security.admin_screens import HIDDEN_COLUMNS, SCREENS, SHOWN_ELSEWHERE, Screen
from tests.security.forms import PAGES, TOLD, Body, Page
from tests.security.hidden import NAMED
from tests.security.nowhere import NOWHERE
from tests.security.scopes import SCOPES
from tests.security.world import OBJECTS, SHARED, Desk
from tests.security.writing import (
    AS,
    LISTED,
    OWN,
    PARTS,
    READS,
    REFUSED,
    SIGNED,
    Shared,
    as_refused,
)

NAMED.register({"stream": rows.stream})
OBJECTS.register(
    {
        "reports/declarations/<str:uid>": lambda _, person: {"uid": rows.declaration(person).uid},
        "api/portal/v1/declarations/<str:uid>": lambda _, person: {
            "uid": rows.declaration(person).uid
        },
        "unknown/<str:uid>": lambda desk, _: {"uid": rows.unknown_item(desk).uid},
        "broadcasts/import/<str:uid>": lambda desk, person: {
            "uid": rows.broadcast_import(desk, person).uid
        },
        "files/<uuid:uid>/broadcasts/<str:broadcast>": lambda desk, _: {
            "uid": desk.file.uid,
            "broadcast": rows.broadcast(desk).uid,
        },
        "api/portal/v1/files/<uuid:uid>/broadcasts/<str:broadcast>": lambda desk, _: {
            "uid": desk.file.uid,
            "broadcast": rows.broadcast(desk).uid,
        },
        "streams/<str:uid>": lambda desk, person: {"uid": rows.stream_of(desk, person).uid},
        "api/portal/v1/streams/<str:uid>": lambda desk, person: {
            "uid": rows.stream_of(desk, person).uid
        },
        "api/bm-cs-projects/<str:container_id>": lambda desk, _: {
            "container_id": desk.container.pk
        },
        "api/bm-cs-projects/<str:container_id>/streams/<str:ids>": lambda desk, person: {
            "container_id": desk.container.pk,
            "ids": rows.stream_of(desk, person).uid,
        },
        "api/ucf-projects/<str:container_id>": lambda desk, _: {"container_id": desk.container.pk},
        "api/ucf-projects/<str:container_id>/results/<str:item_id>": lambda desk, _: {
            "container_id": desk.container.pk,
            "item_id": rows.unknown_item(desk).pk,
        },
        "api/portal/v1/imports/broadcasts/<str:uid>": lambda desk, person: {
            "uid": rows.broadcast_import(desk, person).uid
        },
    }
)
SHARED.register(
    {
        "unknown/report.<str:form>": lambda _: {"form": "csv"},
        "streams/log.<str:form>": lambda _: {"form": "csv"},
        "streams/stations/<str:uid>": lambda world: {"uid": StationFactory.create().uid},
        "api/portal/v1/stations/<str:uid>": lambda world: {"uid": StationFactory.create().uid},
        "reports/declarations/profiles/<str:uid>": lambda _: {
            "uid": rows.declaration_profile().uid
        },
    }
)
LISTS.register(
    {
        "declarations": Followed(
            rows.declaration_about, rows.end_declaration, scope="report", is_own=True
        )
    }
)
SCREENS.register(
    {
        "recurring.KeptFile": Screen(lambda desk: rows.kept_file(desk)),
        "recurring.UnknownItem": Screen(lambda desk: rows.unknown_item(desk)),
        "recurring.UnknownPolicy": Screen(
            lambda desk: desk.row(UnknownPolicy, container=desk.container)
        ),
        "broadcasts.Broadcast": Screen(lambda desk: rows.broadcast(desk)),
        "broadcasts.Audience": Screen(
            lambda desk: desk.row(
                Audience, station=rows.stream(desk).station, month=date(2026, 11, 1)
            ),
            shared="figures of a station, which is a name for everybody",
        ),
        "broadcasts.Revenue": Screen(
            lambda desk: desk.row(
                Revenue,
                station=rows.stream(desk).station,
                month=date(2026, 11, 1),
                rights_type="PerformingRight",
                net_revenue=1,
                currency="CHF",
            ),
            view=Action.APPROVE,
            shared="as audiences, for managers",
        ),
        "streams.Station": Screen(
            lambda desk: rows.stream(desk).station, shared="a name for everybody"
        ),
        "streams.Stream": Screen(lambda desk: rows.stream(desk)),
        "streams.StreamRun": Screen(lambda desk: rows.airplay(desk).run),
        "streams.StreamHour": Screen(
            lambda desk: StreamHourFactory.create(stream=rows.stream(desk))
        ),
        "streams.StreamGap": Screen(lambda desk: StreamGapFactory.create(stream=rows.stream(desk))),
        "streams.StreamTitle": Screen(
            lambda desk: StreamTitleFactory.create(stream=rows.stream(desk))
        ),
        "streams.Airplay": Screen(lambda desk: rows.airplay(desk)),
        "streams.StreamAlarm": Screen(
            lambda desk: StreamAlarmFactory.create(stream=rows.stream(desk))
        ),
        "streams.StreamNotice": Screen(
            lambda desk: StreamNotice.objects.create(stream=rows.stream(desk), event="away")
        ),
        "broadcasts.BroadcastImport": Screen(lambda desk: rows.broadcast_import(desk)),
        "declarations.DeclarationProfile": Screen(
            lambda _: rows.declaration_profile(), shared="made for everybody"
        ),
        "declarations.Declaration": Screen(lambda desk: rows.declaration(desk.user)),
    }
)
HIDDEN_COLUMNS.register({"streams.Stream": "urls", "streams.StreamNotice": "url"})
SHOWN_ELSEWHERE.register(
    {
        "recurring.ContainerPlays": "the page of an item shows its figures",
        "recurring.Occurrence": "the page of an item",
        "recurring.SharedRun": "nowhere: a note of the worker",
        "streams.ClockAnchor": "the page of a run",
        "streams.StreamCallbacks": "the wire format alone sets these addresses",
    }
)
SCOPES.register(
    {
        "api/portal/v1/imports/broadcasts/": {"POST": "scan"},
        "api/portal/v1/imports/broadcasts/<str:uid>/": {"GET": "scan"},
        "api/portal/v1/imports/broadcasts/<str:uid>/start/": {"POST": "scan"},
        "api/portal/v1/imports/broadcasts/<str:uid>/undo/": {"POST": "scan"},
        "api/portal/v1/files/<uuid:uid>/broadcasts/": {"GET": "read scan", "POST": "scan"},
        "api/portal/v1/files/<uuid:uid>/broadcasts/<str:broadcast>/": {
            "GET": "read scan",
            "PUT": "scan",
            "DELETE": "scan",
        },
        "api/portal/v1/stations/": {"GET": "read"},
        "api/portal/v1/stations/<str:uid>/audiences/": {"GET": "read report", "PUT": "report"},
        "api/portal/v1/stations/<str:uid>/revenues/": {"GET": "decide", "PUT": "decide"},
        "api/portal/v1/streams/": {"GET": "read"},
        "api/portal/v1/streams/<str:uid>/": {"GET": "read scan", "POST": "scan"},
        "api/portal/v1/streams/<str:uid>/day/": {"GET": "read"},
        "api/portal/v1/declarations/": {"GET": "report", "POST": "report"},
        "api/portal/v1/declarations/check/": {"POST": "report"},
        "api/portal/v1/declarations/<str:uid>/": {"GET": "report"},
        "api/portal/v1/declarations/<str:uid>/file/": {"GET": "report"},
        "api/portal/v1/declarations/<str:uid>/manifest/": {"GET": "report"},
        "api/portal/v1/declarations/<str:uid>/cancel/": {"POST": "report"},
        "api/ucf-projects": {"GET": "read"},
        "api/ucf-projects/<str:container_id>/results": {"GET": "read"},
        "api/ucf-projects/<str:container_id>/results/<str:item_id>": {
            "GET": "read",
            "DELETE": "decide",
        },
        "api/ucf-projects/<str:container_id>/results/<str:item_id>/pending": {"POST": "decide"},
        "api/bm-cs-projects": {"GET": "read", "POST": "admin"},
        "api/bm-cs-projects/<str:container_id>": {"GET": "read", "PUT": "admin", "DELETE": "admin"},
        "api/bm-cs-projects/<str:container_id>/result-callback": {
            "GET": "read",
            "POST": "admin",
            "PUT": "admin",
        },
        "api/bm-cs-projects/<str:container_id>/state-notification": {
            "GET": "read",
            "POST": "admin",
            "PUT": "admin",
        },
        "api/bm-cs-projects/<str:container_id>/streams": {"GET": "read", "POST": "scan"},
        "api/bm-cs-projects/<str:container_id>/streams/<str:ids>": {
            "GET": "read",
            "PUT": "scan",
            "DELETE": "scan",
        },
        "api/bm-cs-projects/<str:container_id>/streams/<str:ids>/pause": {
            "POST": "scan",
            "PUT": "scan",
        },
        "api/bm-cs-projects/<str:container_id>/streams/<str:ids>/restart": {
            "POST": "scan",
            "PUT": "scan",
        },
        "api/bm-cs-projects/<str:container_id>/streams/<str:ids>/state": {"GET": "read"},
        "api/bm-cs-projects/<str:container_id>/streams/<str:ids>/results": {"GET": "read"},
        "api/bm-cs-projects/<str:container_id>/streams/<str:ids>/recordings": {"GET": "read"},
    }
)
NOWHERE.register(
    {
        "streams.Station": "a name for everybody; its streams lie in containers",
        "broadcasts.Audience": "figures of a station, for everybody; its file is not shown",
        "broadcasts.Revenue": "figures of a station, for managers",
        "recurring.UnknownItem": "for who may see one of its occurrences",
        "declarations.DeclarationProfile": "made for everybody; it holds no plays",
    }
)

_BROADCASTS = "/api/portal/v1/files/{uid}/broadcasts/"
_STATION = "/api/portal/v1/stations/{uid}/"


def _stream_settings(_desk: Desk, _: Podcast) -> Body:
    return {"name": "New", "urls": "https://radio.example/live", "keep_hours": 24}


def _stream(desk: Desk, podcast: Podcast) -> Body:
    station = StationFactory.create()
    place = {"container": desk.container.pk, "station": station.pk, "add": "yes"}
    return _stream_settings(desk, podcast) | place


def _declaration_profile(_desk: Desk, _: Podcast) -> Body:
    station = StationFactory.create()
    return {"name": "New", "format": "cue-declaration", "stations": [station.uid], "service": "FM"}


def _station(_desk: Desk, _: Podcast) -> Body:
    return {"name": "New", "time_zone": "Europe/Zurich", "type": "fm_radio"}


PAGES.register(
    {
        "new declaration profile": (
            DeclarationProfileForm,
            Page(
                lambda _: "/reports/declarations/profiles/add/",
                _declaration_profile,
                DeclarationProfile,
            ),
        ),
        "declaration profile": (
            DeclarationProfileForm,
            Page(
                lambda row: f"/reports/declarations/profiles/{row.uid}/",  # type: ignore[union-attr]  # a profile
                _declaration_profile,
                DeclarationProfile,
                row=lambda _: rows.declaration_profile(),
            ),
        ),
        "new stream": (StreamForm, Page(lambda _: "/streams/add/", _stream, Stream, Role.REVIEWER)),
        "stream": (
            StreamSettingsForm,
            Page(
                lambda row: f"/streams/{row.uid}/edit/",  # type: ignore[union-attr]  # a stream
                _stream_settings,
                Stream,
                row=lambda desk: rows.stream(desk),
            ),
        ),
        "new station": (StationForm, Page(lambda _: "/streams/stations/add/", _station, Station)),
        "station": (
            StationForm,
            Page(
                lambda row: f"/streams/stations/{row.uid}/edit/",  # type: ignore[union-attr]  # a station
                _station,
                Station,
                row=lambda _: StationFactory.create(),
            ),
        ),
        "policy for unknown sound": (
            UnknownPolicyForm,
            Page(
                lambda row: f"/containers/{row.container_id}/unknown/",  # type: ignore[union-attr]  # a policy
                lambda _desk, _: {"least_seconds": 9, "least_count": 3},
                UnknownPolicy,
                Role.ADMIN,
                row=lambda desk: desk.row(UnknownPolicy, container=desk.container),
            ),
        ),
    }
)
TOLD.register(
    {
        ("post", _BROADCASTS, "version"): "only compared",
        ("put", f"{_BROADCASTS}{{broadcast}}/", "version"): "only compared",
        ("put", f"{_STATION}audiences/", "version"): "only compared",
        ("put", f"{_STATION}revenues/", "version"): "only compared",
    }
)


class Radio:
    """A station, an unknown item and declarations of both desks."""

    def __init__(self, shared: Shared) -> None:
        self.station = rows.stream(shared.own).station
        StreamFactory.create(station=self.station, container=shared.other.container)
        self.item = rows.unknown_item(shared.own)
        OccurrenceFactory.create(
            item=self.item, file__scanned_file__container=shared.other.container
        )
        self.declared = rows.declaration(shared.stranger)
        self.declaration = rows.declared(shared.hidden_line, shared.user)


PARTS.register({"monitoring": Radio})
_JANUARY = date(2026, 1, 1)
REFUSED.register(
    {
        "plugins.monitoring.streams.services.change_station": lambda it: streams.change_station(
            station=it.part(Radio).station, user=it.user, name="Other"
        ),
        "plugins.monitoring.streams.services.ban_recording": lambda it: streams.ban_recording(
            station=it.part(Radio).station, recording=it.own.recording, user=it.user
        ),
        "plugins.monitoring.streams.services.unban_recording": lambda it: streams.unban_recording(
            station=it.part(Radio).station, recording=it.own.recording, user=it.user
        ),
        "plugins.monitoring.broadcasts.services.set_audience": lambda it: broadcasts.set_audience(
            station=it.part(Radio).station,
            values={"listeners": 1},
            month=_JANUARY,
            user=it.user,
        ),
        "plugins.monitoring.broadcasts.services.set_hours": lambda it: broadcasts.set_hours(
            station=it.part(Radio).station,
            listeners={datetime(2026, 1, 1, tzinfo=UTC): 1},
            user=it.user,
        ),
        "plugins.monitoring.broadcasts.services.set_revenue": lambda it: broadcasts.set_revenue(
            station=it.part(Radio).station,
            month=_JANUARY,
            rights_type=RightsType.PERFORMING,
            values={"net_revenue": None},
            user=it.user,
        ),
        "plugins.monitoring.unknown.actions.watch_items": lambda it: unknown.watch_items(
            items=[it.part(Radio).item], user=it.user, on=True
        ),
        "plugins.monitoring.unknown.actions.ignore_items": lambda it: unknown.ignore_items(
            items=[it.part(Radio).item], user=it.user, reason=IgnoreReason.JINGLE
        ),
        "plugins.monitoring.declarations.services.save_profile": (
            lambda it: declarations.save_profile(
                profile=it.part(Radio).declared.profile,
                stations=[it.part(Radio).station],
                user=it.user,
            )
        ),
        "plugins.monitoring.declarations.services.delete_profile": (
            lambda it: declarations.delete_profile(
                profile=it.part(Radio).declared.profile, user=it.user
            )
        ),
    }
)
SIGNED.register(
    {
        "download a declaration": lambda it: partial(
            declarations.download, declaration=it.part(Radio).declaration, user=it.user
        ),
        "ignore a sound": as_refused("plugins.monitoring.unknown.actions.ignore_items"),
    }
)
AS.register(
    {
        **dict.fromkeys(
            (
                *(
                    "plugins.monitoring.unknown.actions.alias_item",
                    "plugins.monitoring.unknown.actions.merge_items",
                ),
                *(
                    "plugins.monitoring.unknown.actions.name_item",
                    "plugins.monitoring.unknown.actions.split_item",
                ),
                *(
                    "plugins.monitoring.unknown.actions.undo",
                    "plugins.monitoring.unknown.actions.why_not",
                ),
            ),
            "plugins.monitoring.unknown.actions.watch_items",
        )
    }
)
LISTED.register(
    {
        "plugins.monitoring.broadcasts.services.add_broadcast": "of a file; changes nothing of the station",
        "plugins.monitoring.broadcasts.services.change_broadcast": "as add_broadcast",
        "plugins.monitoring.pages.unknown.page.item_context": READS,
        "plugins.monitoring.declarations.services.draft": OWN,
        "plugins.monitoring.streams.services.add_station": "a station that nothing belongs to yet",
        "plugins.monitoring.streams.services.add_stream": "in a container; changes nothing of the station",
    }
)

OWN_JSON.register(
    {
        "plugins/monitoring/declarations/content_files.py": "what a declaration kept",
        "plugins/monitoring/streams/recording/run_files.py": "files of a recorder",
    }
)

PLAIN_CSV.register(
    {
        "plugins/monitoring/declarations/formats/template/format.py": "a society's own format; an "
        "option of the template guards it"
    }
)
