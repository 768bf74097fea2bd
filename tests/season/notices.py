"""What people of the season do with takedown notices, and what must hold afterwards."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

from notices.checks import changed_since_signed
from notices.models import (
    ClaimedRight,
    NoticeItem,
    NoticeLaw,
    NoticeOutcome,
    NoticeState,
    TakedownNotice,
)
from notices.words import ACCURACY, GOOD_FAITH
from review.choices import DisputeCode, MatchState
from review.models import Match
from tests.factories.notices import FILLED_IN
from tests.season.invariants import check
from tests.season.people import Person
from tests.season.readers import english

_CLAIMED = (MatchState.CONFIRMED, MatchState.UPHELD, MatchState.DISPUTED)
_STANDING = (NoticeState.SIGNED, NoticeState.SENT, NoticeState.ANSWERED)
_WARNING = "No longer valid: withdraw it."


def handle(person: Person, rng: random.Random) -> None:
    """Take one notice a step on; states, roles and limits may refuse it."""
    notice = _some_notice(rng)
    if notice is None or rng.random() < 0.3:
        _prepare(person, rng)
        return
    base, version = f"/notices/{notice.uid}/", notice.version - (rng.random() < 0.05)
    now = f"{datetime.now(tz=ZoneInfo(person.zone)):%Y-%m-%dT%H:%M}"
    if notice.state == NoticeState.DRAFT:
        if notice.owner and rng.random() < 0.7:
            person.fill_in(f"{base}act/", version=version, verb="submit")
        else:
            person.fill_in(f"{base}edit/", version=version, **FILLED_IN)
    elif notice.state == NoticeState.REVIEW:
        person.fill_in(
            f"{base}sign/",
            version=version,
            good_faith=GOOD_FAITH,
            accuracy=rng.choice([ACCURACY, ACCURACY, ""]),
            signature="A. Muster",
        )
    elif notice.state == NoticeState.SIGNED:
        person.fill_in(
            f"{base}sent/", version=version, at=now, how="E-mail", to="agent"
        )
    elif rng.random() < 0.2:
        person.fill_in(f"{base}withdraw/", version=version, why="Given up.")
    else:
        person.fill_in(
            f"{base}answer/",
            version=version,
            matches=[item.match.uid for item in _items(notice)],
            outcome=rng.choice(list(NoticeOutcome)).value,
            received_at=now,
            code=rng.choice(["", *DisputeCode]),
            statement="They say so.",
        )


def notices_hold(person: Person) -> None:
    """Check that numbers have no gap, and that given-up claims mark their notices.

    ``person`` has no access limits.
    """
    numbers: dict[int, list[int]] = defaultdict(list)
    for notice in TakedownNotice._base_manager.exclude(number=None).order_by("pk"):
        numbers[notice.year or 0].append(notice.number or 0)
    for year, given in numbers.items():
        counted = list(range(1, len(given) + 1))
        check(sorted(given) == counted, f"numbers of {year}: {sorted(given)}")
    for notice in TakedownNotice._base_manager.filter(state__in=_STANDING):
        with english(person):
            answer = person.open(f"/notices/{notice.uid}/")
        given_up = [item for item in _items(notice) if not _is_claimed(item)]
        changed = changed_since_signed(notice)
        check(
            (_WARNING in answer.content.decode()) == bool(changed),
            f"{notice} does not hold: {changed}",
        )
        check(
            changed or not given_up,
            f"{notice} names matches that were given up: {given_up}",
        )


def _prepare(person: Person, rng: random.Random) -> None:
    claims = list(Match._base_manager.order_by("pk"))
    wanted = [match for match in claims if match.state in _CLAIMED] or claims
    if not wanted:
        return
    match = rng.choice(wanted)
    person.fill_in(
        f"/notices/prepare/?match={match.uid}",
        match=[match.uid],
        law=rng.choice(list(NoticeLaw)).value,
        right=rng.choice(list(ClaimedRight)).value,
    )


def _some_notice(rng: random.Random) -> TakedownNotice | None:
    rows = TakedownNotice._base_manager.exclude(state=NoticeState.WITHDRAWN)
    found = list(rows.order_by("pk"))
    return rng.choice(found) if found else None


def _items(notice: TakedownNotice) -> list[NoticeItem]:
    return list(NoticeItem._base_manager.filter(notice=notice).order_by("pk"))


def _is_claimed(item: NoticeItem) -> bool:
    """Tell whether the file still has a claim of the recording, or of one it merged into."""
    match: Match | None = item.match
    recordings = {item.match.recording_id}
    while match is not None:
        recordings.add(match.recording_id)
        match = match.superseded_by
    same = Match._base_manager.filter(
        scanned_file=item.match.scanned_file_id, recording__in=recordings
    )
    return same.filter(state__in=_CLAIMED).exists()
