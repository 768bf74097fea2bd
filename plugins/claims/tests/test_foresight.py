"""The check of a report says which entries its import opens and closes."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from base.accounts.roles import Role
from plugins.claims import services
from plugins.claims.choices import Meaning
from plugins.claims.models import Discrepancy, PlatformAccount, ReportedValue
from plugins.claims.tests.making import (
    ASSET,
    CLAIM,
    CONFLICT,
    DAY,
    REFERENCE,
    TABLE,
    VIDEO,
    make_account,
    report,
    run_import,
)
from plugins.claims.tests.test_lists import EARLY, claim, compare, heard, recording, video
from tests.factories.accounts import make_user
from tests.factories.rules import make_licence
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db
OF_ASSETS = {**ASSET, "constituent_asset_id": ""}


def open_keys() -> Counter[tuple[str, str]]:
    rows = Discrepancy.objects.filter(state="open")
    return Counter(rows.values_list("kind", "key"))


def by_list(keys: Counter[tuple[str, str]]) -> dict[str, int]:
    return dict(Counter(kind for kind, _key in keys))


def step(content: bytes, days: int, account: PlatformAccount | None = None) -> None:
    """Check a report, import it, compare all, and hold the check to what came of it."""
    day = DAY + timedelta(days=days)
    before = open_keys()
    rows = list(Discrepancy.objects.order_by("pk").values())
    summary = run_import(content, day=day, account=account, dry=True).summary
    assert list(Discrepancy.objects.order_by("pk").values()) == rows
    run_import(content, day=day, account=account)
    compare()
    after = open_keys()
    entries = (summary["entries"], after - before, before - after)
    assert summary["opened"] == by_list(after - before), entries
    assert summary["closed"] == by_list(before - after), entries


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
    import_ = run_import(report(rows), day=DAY + timedelta(days=9), dry=True)

    assert import_.summary["opened"] == {
        "not_heard": 1,
        "not_scanned": 1,
        "against_licence": 1,
        "not_claimed": 1,
    }
    assert import_.summary["closed"] == {"not_claimed": 1, "not_scanned": 1}
    opens = {"what": "opens", "list": "not_heard", "name": CLAIM["video_title"]}
    assert opens in import_.summary["entries"]
    page = signed_in(Role.ADMIN).get(f"/claims/import/{import_.uid}/").content.decode()
    parts = [" ".join(part.split()) for part in page.split("<dt>")]
    (line,) = [part for part in parts if part.startswith("Claimed, not scanned")]
    assert "1 open, 1 close" in line
    assert 'opens: <bdi translate="no">Waves' in line
    assert 'closes: <bdi translate="no">Waves' in line
    done = run_import(report(rows), day=DAY + timedelta(days=9))
    page = signed_in(Role.ADMIN).get(f"/claims/import/{done.uid}/").content.decode()
    assert "would open" not in page


class Draw:
    """Draws the rows of reports about nine recordings; some rows have a fault."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - draws test data

    def numbers(self, most: int) -> list[int]:
        return self.rng.sample(range(9), most)

    def claims(self) -> bytes:
        rows = [
            claim(
                number,
                asset_id=f"A{self.rng.choice([number, 1])}",
                claim_status=self.rng.choice(["ACTIVE", "ACTIVE", "INACTIVE", "PENDING"]),
                claim_status_detail=self.rng.choice(["", "", "MADE_UP"]),
                claim_type=self.rng.choice(["AUDIO", "AUDIO", "VISUAL"]),
                views=str(self.rng.choice([1, 2])) if self.rng.random() < 0.9 else "-",
            )
            for number in self.numbers(5)
        ]
        return report(rows)

    def assets(self) -> bytes:
        rows = [
            {
                "asset_id": f"A{number}",
                "asset_type": self.rng.choice(["SOUND_RECORDING"] * 3 + ["COMPOSITION"]),
                "your_isrc": self.rng.choice(["", f"GBAYE{self.rng.randrange(9):07}"]),
                "conflicting_owner": self.rng.choice(["", "", "X"]),
                "active_reference_id": self.rng.choice(["", "R"]),
                "constituent_asset_id": self.rng.choice(["", "", f"A{self.rng.randrange(12)}"]),
            }
            for number in self.rng.sample(range(12), 6)
        ]
        rows[0]["asset_id"] = self.rng.choice([rows[0]["asset_id"], "not an id"])
        return report(rows, OF_ASSETS)

    def conflicts(self) -> bytes:
        rows = [
            {
                "asset_id": f"A{number}",
                "conflicting_owner": self.rng.choice(["", "X", "Y"]),
                "custom_id": self.rng.choice(["", f"OWN{number}"]),
            }
            for number in self.rng.sample(range(12), 4)
        ]
        return report(rows, CONFLICT)

    def references(self) -> bytes:
        rows = [
            {
                "reference_id": f"R{self.rng.randrange(9)}",
                "asset_id": f"A{number}",
                "status": self.rng.choice(["ACTIVE", "ACTIVE", "INACTIVE"]),
                "excluded_perc": self.rng.choice(["", "10", "80", "much"]),
            }
            for number in self.rng.sample(range(12), 5)
        ]
        return report({row["reference_id"]: row for row in rows}.values(), REFERENCE)

    def videos(self) -> bytes:
        rows = [
            {"video_id": f"own{number:08}", "other_owners_claiming": self.rng.choice(["", "X"])}
            for number in self.rng.sample(range(4), 2)
        ]
        return report(rows, VIDEO)


def dismiss_some(rng: random.Random) -> None:
    rows = list(Discrepancy.objects.filter(state="open").order_by("pk"))
    for row in rng.sample(rows, min(2, len(rows))):
        services.dismiss(
            revisions={row.uid: row.revision}, note_text="Known.", user=make_user(Role.MANAGER)
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "days"),
    [(0, 1), *(pytest.param(seed, 2, marks=pytest.mark.soak) for seed in range(10))],
)
def test_what_a_check_says_comes_true(seed: int, days: int) -> None:
    draw = Draw(seed)
    rng = draw.rng
    matches = [heard(n, rng.choice(["confirmed", "rejected"])) for n in range(6)]
    for number in range(6, 9):
        recording(number, custom_id=f"OWN{number}")
        video(number)
    make_licence(recordings=[matches[0].recording])
    run_import(report([{"video_id": "own00000001"}], VIDEO))
    compare()
    run_import(report([claim(1, claim_status_detail="MADE_UP")]))
    ReportedValue.objects.update(meaning=Meaning.DISPUTED)
    compare()
    other_account = make_account("Other Music")
    tiktok = make_account("Example Music", "tiktok")
    kinds = [draw.claims, draw.assets, draw.conflicts, draw.references, draw.videos]
    for day in range(1, days + 1):
        for kind in rng.sample(kinds, len(kinds)):
            step(kind(), day)
            dismiss_some(rng)
        theirs = {**claim(rng.randrange(6)), "claim_id": "o1", "asset_id": "O1"}
        step(report([theirs]), day, other_account)
        cells = {"other_claimant": rng.choice(["", "X"]), "isrc": "GBAYE0000001"}
        step(report([cells], TABLE), day, tiktok)
    assert Discrepancy.objects.filter(state="gone").exists()


def test_an_older_report_opens_nothing() -> None:
    run_import(report([claim(1)]))
    compare()

    older = report([claim(2)], CLAIM)
    import_ = run_import(older, day=DAY - timedelta(days=1), dry=True)

    assert (import_.summary["opened"], import_.summary["closed"]) == ({}, {})
