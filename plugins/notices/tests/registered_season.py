"""What this capability adds to the season."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from plugins.notices.models import (
    ClaimedRight,
    NoticeItem,
    NoticeLaw,
    NoticeOutcome,
    TakedownNotice,
)
from plugins.notices.notice_text import ACCURACY, GOOD_FAITH
from plugins.notices.tests import season
from review.choices import DisputeCode
from review.models import Match
from tests.season.calls import BODIES, PORTAL, Json
from tests.season.machine import ENDS, STATED, WORK, Season
from tests.season.people import Person
from tests.season.routes import NAMED
from tests.season.steps import KINDS, Kind


def _new_notice(_path: str, rng: random.Random) -> Json:
    uids = list(Match._base_manager.values_list("uid", flat=True))
    return {
        "matches": rng.sample(uids, min(len(uids), rng.randint(1, 2))),
        "law": rng.choice(list(NoticeLaw)).value,
        "right": rng.choice(list(ClaimedRight)).value,
        "owner": "A programme",
        "submit": rng.random() < 0.2,
    }


def _signing(path: str, rng: random.Random) -> Json:
    notice = TakedownNotice._base_manager.get(uid=path.split("/")[5])
    return {
        "version": notice.version - (rng.random() < 0.1),
        "good_faith": rng.choice([GOOD_FAITH, GOOD_FAITH, "yes"]),
        "accuracy": ACCURACY,
        "signature": "A. Programme",
    }


def _reply(path: str, rng: random.Random) -> Json:
    notice = TakedownNotice._base_manager.get(uid=path.split("/")[5])
    uids = [item.match.uid for item in NoticeItem._base_manager.filter(notice=notice)]
    return {
        "version": notice.version,
        "matches": uids,
        "outcome": rng.choice(list(NoticeOutcome)).value,
        "received_at": f"{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%SZ}",
        "code": rng.choice(["", *DisputeCode]),
        "statement": rng.choice(["", "By the programme."]),
    }


def handle_notices(day: Season, person: Person, rng: random.Random) -> bool:
    """Take a takedown notice one step on, or try to."""
    season.handle(person, day.people["max"], rng, day.machines.work)
    season.notices_hold(day.people["max"])
    return False


BODIES.register(
    {
        (f"{PORTAL}/notices/", "POST"): _new_notice,
        (f"{PORTAL}/notices/<str:uid>/sign/", "POST"): _signing,
        (f"{PORTAL}/notices/<str:uid>/answers/", "POST"): _reply,
    }
)
NAMED.register(
    {
        "notices/<str:uid>": (TakedownNotice, "uid"),
        "api/portal/v1/notices/<str:uid>": (TakedownNotice, "uid"),
    }
)
KINDS.register({"handle_notices": Kind(6, handle_notices)})
WORK.register(dict.fromkeys(("notices/<str:uid>/", "notices/prepare/"), 1))
ENDS.register({"notices": lambda day: season.notices_hold(day.people["max"])})
STATED.register({"notices": lambda day: season.notices_hold(day.people["max"])})
