"""What this capability adds to the season."""

from __future__ import annotations

import random
from datetime import date, timedelta
from functools import partial
from typing import Any

from catalogue.models import Bucket
from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.broadcasts.models import Broadcast, BroadcastImport
from plugins.monitoring.declarations.models import Declaration, DeclarationProfile
from plugins.monitoring.streams.jobs import RECORD
from plugins.monitoring.streams.models import Station, Stream
from plugins.monitoring.tests.season import airings, broadcasts, switching, tables
from plugins.monitoring.tests.season import checks as radio_checks
from plugins.monitoring.tests.season import world as streams_world
from plugins.monitoring.unknown.models import Occurrence, UnknownItem
from scanning.models import Container
from tests.season import checks, world
from tests.season.calls import BODIES, PORTAL, Json, pk_of
from tests.season.machine import ENDS, WORK, Season
from tests.season.people import Person
from tests.season.routes import BY_NAME, FIXED, INSIDE, NAMED, rows_of
from tests.season.steps import KINDS, Kind
from tests.season.undoing import TABLES, Table

_PROJECT = "api/bm-cs-projects/<str:container_id>"
_UNKNOWN = "api/ucf-projects/<str:container_id>/results/<str:item_id>"


def _declaration(_path: str, rng: random.Random) -> Json:
    profiles = list(DeclarationProfile.objects.values_list("uid", flat=True))
    day = date(2026, rng.randint(1, 12), rng.randint(1, 28))
    return {
        "profile": rng.choice(profiles) if profiles else "dp_0",
        "begins": day.isoformat(),
        "ends": (day + timedelta(days=rng.randint(0, 60))).isoformat(),
    }


def _monitoring(_path: str, rng: random.Random) -> Json:
    return {
        "name": f"Programme monitor {rng.randrange(100)}",
        "region": "eu-west-1",
        "type": rng.choice(["BM-ACRC", "BM-LOCAL"]),
        "buckets": [pk_of(Bucket, rng)],
    }


def _stream(_path: str, rng: random.Random) -> Json:
    return {
        "name": f"Stream of a programme {rng.randrange(100)}",
        "stream_urls": ["http://localhost:9/live"],
        "user_defined": {"by": "programme"},
    }


def _callback(_path: str, rng: random.Random) -> Json:
    return {"url": rng.choice(["", "http://localhost:9/told", "no address"])}


def _station(rng: random.Random) -> str:
    uids = list(Station._base_manager.order_by("pk").values_list("uid", flat=True))
    return str(rng.choice(uids)) if uids else "no station"


def _aired(_path: str, rng: random.Random) -> Json:
    # Some of the times are skipped by clocks in Berlin, or shown twice.
    day = rng.choice(["2026-03-29", "2026-10-25", f"2026-11-{rng.randint(1, 30):02}"])
    return {
        "station": _station(rng),
        "starts_at": f"{day} {rng.randint(0, 23):02}:30",
        "length_ms": rng.choice([None, 60_000]),
        "showing": rng.choice(["", "first_run", "repeat_run"]),
    }


def tell_of_broadcasts(season: Season, person: Person, rng: random.Random) -> bool:
    """Say what declarations ask: episodes, broadcasts, uses of music, figures."""
    airings.tell(person, rng)
    airings.airings_hold()
    return True


def run_without_monitoring(season: Season, person: Person, rng: random.Random) -> bool:
    """Restart the portal without monitoring, use it, and restart it as before."""
    season.note("the portal restarts without monitoring, and then with it")
    switching.go_without_monitoring(person.name)
    season.installation.restart()
    return False


def stations_are_heard(season: Season, person: Person, rng: random.Random) -> bool:
    """Let a recorder hear a stream for a while, and make the hours that are over."""
    season.note(broadcasts.hear(rng))
    for hour in broadcasts.settle():
        season.note(f"the hour {hour} is over")
    broadcasts.check_streams()
    return False


def _unknown_items() -> list[dict[str, Any]]:
    """Return unknown items with the containers in which they occur."""
    rows = Occurrence._base_manager.order_by("pk")
    pairs = rows.values_list("file__scanned_file__container", "item").distinct()
    return [{"container_id": container, "item_id": item} for container, item in pairs]


BODIES.register(
    {
        (f"{PORTAL}/files/<uuid:uid>/broadcasts/", "POST"): _aired,
        (f"{PORTAL}/files/<uuid:uid>/broadcasts/<str:broadcast>/", "PUT"): _aired,
        (f"{PORTAL}/files/<uuid:uid>/broadcasts/<str:broadcast>/", "DELETE"): None,
        (f"{PORTAL}/stations/<str:uid>/audiences/", "PUT"): lambda _path, rng: {
            "month": f"2026-{rng.randint(1, 12):02}",
            "listeners": rng.choice([None, 0, 400]),
        },
        (f"{PORTAL}/stations/<str:uid>/revenues/", "PUT"): lambda _path, rng: {
            "month": f"2026-{rng.randint(1, 12):02}",
            "rights_type": rng.choice(RightsType.values),
            "net_revenue": rng.choice([None, "1480.50"]),
            "currency": rng.choice(["CHF", "EUR"]),
        },
        (_UNKNOWN, "DELETE"): None,
        (f"{_UNKNOWN}/pending", "POST"): None,
        (f"{PORTAL}/declarations/", "POST"): _declaration,
        (f"{PORTAL}/declarations/check/", "POST"): _declaration,
        (f"{PORTAL}/declarations/<str:uid>/cancel/", "POST"): None,
        (f"{PORTAL}/streams/<str:uid>/", "POST"): lambda _path, rng: {
            "verb": rng.choice(["pause", "resume", "resume", "restart"])
        },
        ("api/bm-cs-projects", "POST"): _monitoring,
        (_PROJECT, "PUT"): _monitoring,
        (_PROJECT, "DELETE"): None,
        (f"{_PROJECT}/streams", "POST"): _stream,
        (f"{_PROJECT}/streams/<str:ids>", "PUT"): _stream,
        (f"{_PROJECT}/streams/<str:ids>", "DELETE"): None,
        **{
            (f"{_PROJECT}/{name}", method): _callback
            for name in ("result-callback", "state-notification")
            for method in ("POST", "PUT")
        },
        **{
            (f"{_PROJECT}/streams/<str:ids>/{verb}", method): None
            for verb in ("pause", "restart")
            for method in ("POST", "PUT")
        },
    }
)
NAMED.register(
    {
        "broadcasts/import/<str:uid>": (BroadcastImport, "uid"),
        "reports/declarations/profiles/<str:uid>": (DeclarationProfile, "uid"),
        "reports/declarations/<str:uid>": (Declaration, "uid"),
        "api/portal/v1/declarations/<str:uid>": (Declaration, "uid"),
        "api/ucf-projects/<str:container_id>": (Container, "pk"),
        "unknown/<str:uid>": (UnknownItem, "uid"),
        "streams/stations/<str:uid>": (Station, "uid"),
        "api/portal/v1/stations/<str:uid>": (Station, "uid"),
        "streams/<str:uid>": (Stream, "uid"),
        "api/portal/v1/streams/<str:uid>": (Stream, "uid"),
        "api/bm-cs-projects/<str:container_id>": (Container, "pk"),
    }
)
INSIDE.register({"api/bm-cs-projects/<str:container_id>/streams/<str:ids>": (Stream, "uid")})
FIXED.register(
    {
        "unknown/report.<str:form>": ("csv", "jsonl", "xlsx", "parquet"),
        "streams/log.<str:form>": ("csv", "jsonl", "xlsx", "parquet"),
    }
)
BY_NAME.register(
    {
        "broadcast": partial(rows_of, "scanned_file", Broadcast, "broadcast"),
        "item_id": _unknown_items,
    }
)
KINDS.register(
    {
        "tell_of_broadcasts": Kind(8, tell_of_broadcasts),
        "stations_are_heard": Kind(5, stations_are_heard),
        "run_without_monitoring": Kind(0.5, run_without_monitoring),
    }
)
WORK.register(dict.fromkeys(("streams/<str:uid>/", "streams/<str:uid>/delete/"), 1))
ENDS.register(
    {
        "unknown items": lambda _: radio_checks.unknown_items_hold(),
        "airings": lambda _: airings.airings_hold(),
        "streams": lambda _: broadcasts.check_streams(),
        "hours": lambda _: broadcasts.check_hours(),
        "declarations": lambda _: radio_checks.declarations_hold(),
    }
)
checks.UNFINISHED_ROWS.register({"declarations": radio_checks.unfinished_declarations})
checks.ENDLESS.register({RECORD.name: "streams are recorded without end"})
world.ADDITIONS.register({"streams": streams_world.add_streams})
world.BEGINNINGS.register({"streams": streams_world.send_to_limited})
TABLES.register(
    {"broadcasts": Table("/broadcasts/import/", "file", BroadcastImport, tables.broadcasts)}
)
