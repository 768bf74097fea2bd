"""Reports of a platform: read as they are, written once, and taken back whole."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from base.accounts.roles import Role
from base.audit.models import Event
from imports.errors import ImportRefused, RowFault
from imports.table_layout import RawRow
from imports.undoing.steps import undo_import
from plugins.claims.importing import reading
from plugins.claims.importing.formats.youtube.report import CLAIMS
from plugins.claims.importing.reports import RowReader, day_in_name
from plugins.claims.models import (
    AssetConflict,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    PlatformVideo,
    PolicyTerms,
    PriorValues,
    ReferenceFile,
    ReportedValue,
)
from plugins.claims.services import link_asset
from plugins.claims.tests.making import (
    ASSET,
    CONFLICT,
    DAY,
    OLD_VIDEO,
    REFERENCE,
    TABLE,
    VIDEO,
    counts,
    make_account,
    report,
    run_import,
)
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.portal.followed_lists import Program

NEXT = DAY + timedelta(days=1)


def rows() -> dict[str, list[dict[str, Any]]]:
    """Return all that imports write, except when claims changed."""
    return {
        model.__name__: [
            {name: value for name, value in row.items() if name != "updated_at"}
            for row in model._base_manager.order_by("pk").values()
        ]
        for model in (
            *(PlatformAccount, PlatformAsset, PlatformClaim, ReferenceFile),
            *(AssetConflict, PlatformVideo),
        )
    }


@pytest.mark.django_db
def test_a_check_says_what_the_import_does_and_writes_nothing() -> None:
    content = report([{"claim_id": "c1"}, {"claim_id": "c2"}, {"claim_id": "c2"}])

    checked = run_import(content, dry=True)
    assert not PlatformClaim.objects.exists()
    done = run_import(content)

    assert counts(checked) == counts(done) == {"added": 2, "repeated": 1}
    assert done.kind == "claims"
    first = PlatformClaim.objects.get(claim_id="c1")
    assert first.title == 'Waves | "live", at the pier'
    assert first.claimed_on == date(2026, 8, 14)
    assert first.terms is not None
    assert first.terms.monetises == "EVERYWHERE"
    assert PolicyTerms.objects.count() == 1
    assert first.asset.title == "Harbour lights"
    assert Event.objects.filter(action="claims.imported").count() == 1


@pytest.mark.django_db
def test_an_older_version_is_read_whatever_the_case_of_its_columns() -> None:
    old = (
        b"Claim ID,Video ID,Asset ID,Claim Status,Studio,Uploader\n"
        b"c1,vid00000001,A1,ACTIVE,Example Pictures,Jane Roe\n"
    )

    import_ = run_import(old)

    assert (import_.kind, counts(import_), import_.summary["unknown_columns"]) == (
        *("claims", {"added": 1}, []),
    )
    assert not [row for row in rows()["PlatformClaim"] if "Jane" in str(row)]


@pytest.mark.django_db
def test_the_same_report_again_changes_nothing() -> None:
    content = report([{"claim_id": f"c{n}"} for n in range(5)])
    run_import(content)
    before = rows()

    again = run_import(gzip.compress(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")))

    assert counts(again) == {"unchanged": 5}
    for account in before["PlatformAccount"]:
        account["wanted"] += 1
    assert rows() == before
    assert not PriorValues.objects.exclude(model="platforms.platformaccount").exists()


@pytest.mark.django_db
def test_newer_older_newer_equals_the_newest_alone() -> None:
    old = report([{"claim_id": "c1", "views": "1"}, {"claim_id": "gone"}])
    new = report([{"claim_id": "c1", "views": "9", "claim_status": "INACTIVE"}])
    run_import(new, day=NEXT)
    (alone,) = rows()["PlatformClaim"]

    older = run_import(old, day=DAY)
    run_import(new, day=NEXT)

    assert older.summary["is_older"]
    assert older.summary["skipped"] == 1
    (after,) = rows()["PlatformClaim"]
    assert after == {**alone, "first_report": DAY, "detail_since": DAY}
    assert make_account().claims_day == NEXT


@pytest.mark.django_db
def test_claims_that_a_newer_report_lacks_stay_and_come_back() -> None:
    run_import(report([{"claim_id": "c1"}, {"claim_id": "c2"}]))

    gone = run_import(report([{"claim_id": "c1"}]), day=NEXT)
    assert counts(gone) == {"unchanged": 1, "vanished": 1}
    assert PlatformClaim.objects.get(claim_id="c2").gone_on == NEXT

    back = run_import(report([{"claim_id": "c2"}]), day=NEXT + timedelta(days=1))
    assert counts(back) == {"updated": 1, "vanished": 1}
    assert PlatformClaim.objects.get(claim_id="c2").gone_on is None


@pytest.mark.django_db
def test_programs_follow_what_imports_and_their_undo_change() -> None:
    user = make_user(Role.MANAGER)
    program = Program(user, "claims")

    def news() -> list[tuple[str, str]]:
        return sorted((claim["claim_id"], claim["status"]) for claim in program.news())

    run_import(report([{"claim_id": "c1"}, {"claim_id": "c2"}]))
    assert news() == [("c1", "ACTIVE"), ("c2", "ACTIVE")]
    changed = report([{"claim_id": "c1"}, {"claim_id": "c2", "claim_status": "INACTIVE"}])

    later = run_import(changed, day=NEXT)
    assert news() == [("c2", "INACTIVE")]
    undo_import(later.uid, user=user, dry=False)
    assert news() == [("c2", "ACTIVE")]
    link_asset(asset=PlatformAsset.objects.get(), recording=RecordingFactory.create(), user=user)
    assert news() == [("c1", "ACTIVE"), ("c2", "ACTIVE")]


@pytest.mark.django_db
def test_an_undone_import_leaves_every_row_as_it_was() -> None:
    user = make_user(Role.MANAGER)
    run_import(report([{"claim_id": "c1"}, {"claim_id": "c2"}, {"claim_id": "c3"}]))
    first = run_import(report([{"active_reference_id": "R0"}], ASSET))
    before = rows()
    changed = run_import(
        report(
            [
                {"claim_id": "c1", "views": "7", "asset_title": "Renamed"},
                {"claim_id": "c2", "asset_id": "A2"},
                {"claim_id": "new", "asset_id": "A9"},
            ]
        ),
        day=NEXT,
    )
    assert counts(changed) == {"added": 1, "updated": 2, "vanished": 1}

    undo_import(changed.uid, user=user, dry=False)

    for account in before["PlatformAccount"]:
        account["wanted"] += 2
    assert rows() == before
    assert not PriorValues.objects.exists()
    refused = undo_import(first.uid, user=user, dry=False)
    assert refused.kept == 1


@pytest.mark.django_db
def test_assets_and_references_have_reports_of_their_own() -> None:
    run_import(report([{"claim_id": "c1", "isrc": "GBAYE0000001"}]))
    assets = [{"active_reference_id": "R1|R2", "your_isrc": "GBAYE0000002"}]
    run_import(report([*assets, {"asset_id": "A2"}], ASSET))
    run_import(report([{"excluded_perc": "12.5", "status": "ACTIVE"}], REFERENCE))

    asset = PlatformAsset.objects.get(asset_id="A1")
    assert (asset.active_references, asset.your_isrc) == (2, "GBAYE0000002")
    assert (asset.claimed_isrc, asset.title) == ("GBAYE0000001", "Harbour lights")
    assert str(ReferenceFile.objects.get().excluded_pct) == "12.50"
    account = make_account()
    assert account.claims_day == account.assets_day == account.references_day == DAY
    with pytest.raises(ImportRefused, match="older than that of 2026-11-03"):
        run_import(report(assets, ASSET), day=DAY - timedelta(days=1))


@pytest.mark.django_db
def test_conflicts_and_videos_come_once_and_go_back_whole() -> None:
    user = make_user(Role.MANAGER)
    conflicts = [{"conflicting_owner_isrc": "GBAYE0000009"}, {"asset_id": "A2"}]
    videos = [
        {"asset_id": "A7|A8", "other_owners_claiming": "One | Two"},
        {"video_id": "own00000002"},
    ]
    contents = (report(conflicts, CONFLICT), report(videos, VIDEO))
    done = [run_import(content) for content in contents]
    before = rows()

    assert [import_.kind for import_ in done] == ["conflicts", "videos"]
    assert [counts(import_) for import_ in done] == [{"added": 2}, {"added": 2}]
    conflict = AssetConflict.objects.get(asset__asset_id="A1")
    assert (conflict.owner, conflict.countries) == ("Other Music", "DE|FR")
    assert conflict.owner_isrc == "GBAYE0000009"
    first, second = PlatformVideo.objects.order_by("video_id")
    assert (first.other_owners, first.views) == ("One | Two", 300)
    assert (first.asset and first.asset.asset_id, second.asset) == ("A7", None)
    assert make_account().conflicts_day == make_account().videos_day == DAY
    assert not PlatformAsset.objects.exclude(row_hash="").exists()

    again = [run_import(content) for content in contents]
    assert [counts(import_) for import_ in again] == [{"unchanged": 2}, {"unchanged": 2}]
    for account in before["PlatformAccount"]:
        account["wanted"] += 2
    assert rows() == before

    for content, changed in (
        (report([{"conflicting_owner": "Third"}], CONFLICT), {"updated": 1}),
        (report([{"asset_id": "A9"}], VIDEO), {"updated": 1}),
    ):
        newer = run_import(content, day=NEXT)
        assert counts(newer) == {**changed, "vanished": 1}
        undo_import(newer.uid, user=user, dry=False)
        for account in before["PlatformAccount"]:
            account["wanted"] += 2
        assert rows() == before
    with pytest.raises(ImportRefused, match="older than that of 2026-11-03"):
        run_import(contents[1], day=DAY - timedelta(days=1))


@pytest.mark.django_db
def test_only_undocumented_words_about_other_owners_are_asked_for() -> None:
    values = ["Yes", "No", "", "PARTLY"]
    import_ = run_import(
        report(
            [
                {"video_id": f"own{number:08}", "claimed_by_another_owner": value}
                for number, value in enumerate(values)
            ],
            OLD_VIDEO,
        )
    )

    assert (import_.kind, import_.summary["unknown_values"]) == ("videos", ["PARTLY"])
    value = ReportedValue.objects.get()
    assert (value.column, value.value) == ("claimed_by_another_owner", "PARTLY")


@pytest.mark.django_db
def test_a_claim_of_another_account_is_refused() -> None:
    run_import(report([{"claim_id": "c1"}]))

    other_import_ = run_import(
        report([{"claim_id": "c1"}, {"claim_id": "c2"}]), account=make_account("Other")
    )

    assert counts(other_import_) == {"added": 1, "refused": 1}
    (fault,) = other_import_.summary["faults"]
    assert "belongs to Example Music" in fault["rule"]
    assert fault["code"] == "wrong_account"
    elsewhere = run_import(
        report([{"claim_id": fault["value"]}], TABLE),
        account=make_account("Example Music", "soundcloud"),
    )
    assert counts(elsewhere) == {"added": 1}


@pytest.mark.django_db
def test_new_details_wait_for_an_explanation_and_keep_their_days(client: Client) -> None:
    run_import(report([{"claim_id": "c1"}]))
    second = run_import(
        report([{"claim_id": "c1", "claim_status_detail": "MADE_UP_DISPUTE"}]), day=NEXT
    )

    assert second.summary["unknown_values"] == ["MADE_UP_DISPUTE"]
    client.force_login(make_user(Role.ADMIN))
    page = client.get(reverse("admin:platforms_claimsimport_change", args=[second.pk]))
    assert "<code>MADE_UP_DISPUTE</code>" in page.content.decode()
    type(second).objects.update(message="A report has claim_id.")
    screen = client.get(reverse("admin:platforms_claimsimport_changelist"))
    assert "A report has <code>claim_id</code>." in screen.content.decode()
    assert ReportedValue.objects.get().meaning == ""
    claim = PlatformClaim.objects.get()
    assert (claim.detail_after, claim.detail_since) == (DAY, NEXT)


@pytest.mark.django_db
def test_what_is_no_report_is_refused_with_a_reason() -> None:
    cases: list[tuple[bytes, str]] = [
        (b"", "The file is empty"),
        (b"claim_id,video_id\nc1,v1\n", "This is no report"),
        (gzip.compress(report([{}]))[:-9], "archive is damaged"),
        (b"\xff\xfeclaim_i", "not UTF-16"),
    ]
    for content, case in cases:
        with pytest.raises(ImportRefused, match=case):
            run_import(content, dry=True)


@pytest.mark.django_db
def test_a_bomb_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_UNPACKED_BYTES", 1024**2)

    with pytest.raises(ImportRefused, match="larger than 1 MB"):
        run_import(gzip.compress(report([{}] * 50) + b" " * 1024**2), dry=True)


@pytest.mark.django_db
def test_a_bad_row_names_line_and_column_and_spares_the_others() -> None:
    rows_ = [{"claim_id": "c1", "views": "many"}, {"claim_id": "c2"}]
    run_import(report([{"claim_id": "c1"}]), day=DAY - timedelta(days=1))
    import_ = run_import(report(rows_))

    # A row with a fault is still in the report.
    assert counts(import_) == {"added": 1, "refused": 1}
    fault = import_.summary["faults"][0]
    assert (fault["line"], fault["column"], fault["value"]) == (2, "views", "many")


@given(st.lists(st.text(max_size=30), min_size=0, max_size=30))
def test_any_row_is_read_or_refused(cells: list[str]) -> None:
    header = tuple(column.name for column in CLAIMS.columns)
    reader = RowReader(CLAIMS, header)

    values = None
    with suppress(RowFault):
        values = reader.read(RawRow(2, tuple(cells)))

    assert values is None or (values["claim_id"] and "\0" not in str(values))


def test_the_day_is_read_from_the_name() -> None:
    assert day_in_name("content_owner_active_claims_20261103.csv.gz") == DAY
    assert day_in_name("claims_2026-11-03_v1-2.csv") == DAY
    assert day_in_name("claims_20269999.csv") is None
