"""The check of a report says which entries its import opens and closes."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from accounts.roles import Role
from platforms import services
from platforms.choices import Meaning
from platforms.models import Discrepancy, PlatformAccount, ReportedValue
from tests.conftest import MakeClient
from tests.factories.accounts import make_user
from tests.factories.rules import make_licence
from tests.platforms.making import (
    CLAIM,
    DAY,
    TABLE,
    VIDEO,
    make_account,
    report,
    run_import,
)
from tests.platforms.test_lists import EARLY, claim, compare, heard, recording, video

pytestmark = pytest.mark.django_db
SEEN_LATER = {"no_reference"}
"""Lists that reports of claims and videos do not change."""


def open_keys() -> Counter[tuple[str, str]]:
    rows = Discrepancy.objects.filter(state="open").exclude(kind__in=SEEN_LATER)
    return Counter(rows.values_list("kind", "key"))


def by_list(keys: Counter[tuple[str, str]]) -> dict[str, int]:
    return dict(Counter(kind for kind, _key in keys))


def step(content: bytes, days: int, account: PlatformAccount | None = None) -> None:
    """Check a report, import it, compare all, and hold the check to what came of it."""
    day = DAY + timedelta(days=days)
    before = open_keys()
    rows = list(Discrepancy.objects.order_by("pk").values())
    said = run_import(content, day=day, account=account, dry=True).summary
    assert list(Discrepancy.objects.order_by("pk").values()) == rows
    run_import(content, day=day, account=account)
    compare()
    after = open_keys()
    assert said["opened"] == by_list(after - before)
    assert said["closed"] == by_list(before - after)


def test_each_list_is_foreseen(signed_in: MakeClient) -> None:
    heard(1, "confirmed")
    heard(2, "rejected")
    recording(3)
    make_licence(recordings=[heard(4, "cleared").recording])
    heard(5, "confirmed", published_at=EARLY + timedelta(days=33))
    run_import(report([claim(9)]))
    compare()

    rows = [
        *(claim(2), claim(3, claim_status_detail="MADE_UP"), claim(4)),
        claim(1, claim_status="PENDING"),
        {"claim_id": "bad", "views": "many"},
    ]
    one = run_import(report(rows), day=DAY + timedelta(days=9), dry=True)

    assert one.summary["opened"] == {
        "not_heard": 1,
        "not_scanned": 1,
        "against_licence": 1,
        "not_claimed": 1,
    }
    assert one.summary["closed"] == {"not_claimed": 1, "not_scanned": 1}
    assert {"what": "opens", "list": "not_heard", "name": "c2"} in one.summary[
        "entries"
    ]
    page = signed_in(Role.ADMIN).get(f"/claims/import/{one.uid}/").content.decode()
    shown = [" ".join(each.split()) for each in page.split("<dt>")]
    (line,) = [each for each in shown if each.startswith("Claimed, not scanned")]
    assert "1 open, 1 close" in line
    assert 'opens: <bdi translate="no">c3</bdi>' in line
    assert 'closes: <bdi translate="no">Waves' in line
    done = run_import(report(rows), day=DAY + timedelta(days=9))
    page = signed_in(Role.ADMIN).get(f"/claims/import/{done.uid}/").content.decode()
    assert "would open" not in page


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_a_check_says_comes_true(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - draws test data
    matches = [heard(n, rng.choice(["confirmed", "rejected"])) for n in range(6)]
    for number in range(6, 9):
        recording(number)
        video(number)
    make_licence(recordings=[matches[0].recording])
    run_import(report([{"video_id": "own00000001"}], VIDEO))
    compare()
    run_import(report([claim(1, claim_status_detail="MADE_UP")]))
    ReportedValue.objects.update(meaning=Meaning.DISPUTED)
    compare()
    other = make_account("Other Music")
    tiktok = make_account("Example Music", "tiktok")
    for days in range(1, 7):
        rows = [
            claim(
                number,
                asset_id=f"A{rng.choice([number, 1])}",
                claim_status=rng.choice(["ACTIVE", "ACTIVE", "INACTIVE", "PENDING"]),
                claim_status_detail=rng.choice(["", "", "MADE_UP"]),
                claim_type=rng.choice(["AUDIO", "AUDIO", "VISUAL"]),
                views=str(rng.choice([1, 2])) if rng.random() < 0.9 else "many",
            )
            for number in rng.sample(range(9), 5)
        ]
        step(report(rows), days)
        for row in Discrepancy.objects.filter(state="open").order_by("pk")[:1]:
            services.dismiss(
                revisions={row.uid: row.revision},
                note_text="Known.",
                user=make_user(Role.MANAGER),
            )
        videos = [
            {"video_id": f"own{n:08}", "other_owners_claiming": rng.choice(["", "X"])}
            for n in rng.sample(range(4), 2)
        ]
        step(report(videos, VIDEO), days)
        theirs = {**claim(rng.randrange(6)), "claim_id": "o1", "asset_id": "O1"}
        step(report([theirs]), days, other)
        cells = {"other_claimant": rng.choice(["", "X"]), "isrc": "GBAYE0000001"}
        step(report([cells], TABLE), days, tiktok)
    assert Discrepancy.objects.filter(state="gone").exists()


def test_an_older_report_opens_nothing() -> None:
    run_import(report([claim(1)]))
    compare()

    older = report([claim(2)], CLAIM)
    one = run_import(older, day=DAY - timedelta(days=1), dry=True)

    assert (one.summary["opened"], one.summary["closed"]) == ({}, {})
