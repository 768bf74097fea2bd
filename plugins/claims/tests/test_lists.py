"""The lists: exactly what differs, by themselves, and the same however compared."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

import base.audit.services
from base.accounts.models import AccessLimit
from base.accounts.reach import working_for
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.changes import retire_recordings
from catalogue.models import IndexEntry, Recording
from catalogue.owners.choices import Right, ShareKind
from catalogue.owners.models import Party, RightsRecording, Share
from plugins.claims import comparing, services
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState, Meaning
from plugins.claims.models import (
    Discrepancy,
    GroundChange,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    ReportedValue,
)
from plugins.claims.pages.page import rows_of
from plugins.claims.tests.making import (
    ASSET,
    CLAIM,
    CONFLICT,
    DAY,
    OLD_VIDEO,
    REFERENCE,
    TABLE,
    VIDEO,
    make_account,
    report,
    run_import,
)
from review.choices import MatchState
from review.models import Match
from scanning.models import ScannedFile
from scanning.sources.link_keys import link_key
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ScanFactory, ScannedFileFactory
from tests.fixtures import MakeClient
from web.portal.shared.cards import Card
from web.portal.templatetags import portal_tags

pytestmark = pytest.mark.django_db
NEXT = DAY + timedelta(days=1)
EARLY = datetime(2026, 10, 1, tzinfo=UTC)


def video(number: int, **columns: Any) -> ScannedFile:
    """Return the file of a video. Any: columns."""
    url = f"https://www.youtube.com/watch?v=vid{number:08}"
    fields: dict[str, Any] = {"source_url": url, "published_at": EARLY, "name": f"video {number}"}
    fields |= columns
    return ScannedFileFactory.create(link_key=link_key(fields["source_url"]), **fields)


def recording(number: int, **columns: Any) -> Recording:
    return RecordingFactory.create(
        title=f"Song {number}",
        isrc=f"GBAYE{number:07}",
        isrc_normalised=f"GBAYE{number:07}",
        **columns,
    )


def claim(number: int, **cells: str) -> dict[str, str]:
    """Return a claim on a video for a recording, both with the same number."""
    return {
        "claim_id": f"c{number}",
        "asset_id": f"A{number}",
        "video_id": f"vid{number:08}",
        "isrc": f"GBAYE{number:07}",
        **cells,
    }


def heard(number: int, state: str, **columns: Any) -> Match:
    """Return a match of recording and video with this number. Any: columns."""
    return make_match(
        recording=recording(number),
        scan=ScanFactory.create(scanned_file=video(number, **columns)),
        state=state,
    )


def compare() -> dict[str, list[str]]:
    """Compare everything; return the open entries of each list by their names."""
    for account in PlatformAccount.objects.all():
        comparing.compare_account(account)
    GroundChange.objects.all().delete()
    return open_lists()


def open_lists() -> dict[str, list[str]]:
    results: dict[str, list[str]] = {}
    for row in Discrepancy.objects.filter(state="open").order_by("pk"):
        name = (
            row.claim.claim_id
            if row.claim
            else row.video.video_id
            if row.video
            else row.scanned_file.name
            if row.scanned_file
            else row.recording.title
            if row.recording
            else ""
        )
        results.setdefault(row.kind, []).append(name)
    return {kind: sorted(names) for kind, names in results.items()}


def test_the_lists_are_exactly_what_differs() -> None:
    # Heard, not claimed, and near misses: claimed, licensed, too early, hidden, retired.
    heard(1, "confirmed")
    heard(2, "upheld")
    heard(3, "confirmed")
    make_licence(recordings=[heard(4, "confirmed").recording])
    heard(5, "confirmed", published_at=datetime(2026, 11, 1, tzinfo=UTC))
    heard(6, "confirmed", deleted_at=EARLY)
    retire_recordings(recordings=[heard(7, "confirmed").recording], user=None)
    heard(8, "pending")
    # Claimed, not heard: rejected, or searched and not found.
    heard(11, "rejected")
    searched, other_recording = recording(12), recording(13)
    for number, row in ((12, searched), (13, other_recording)):
        ScanFactory.create(
            scanned_file=video(number),
            buckets=[{"id": row.bucket_id, "name": "b"}],
            catalogue_state=9,
        )
    held = {"is_held": True, "bucket": searched.bucket}
    IndexEntry.objects.create(recording=searched, position=9, **held)
    late = {"is_held": True, "bucket": other_recording.bucket}
    IndexEntry.objects.create(recording=other_recording, position=10, **late)
    # Policy against licence.
    make_licence(recordings=[heard(21, "cleared").recording])
    recording(22)
    recording(31)
    rows = [
        claim(3, claim_status="PENDING"),
        claim(11),
        claim(12),
        claim(13),
        claim(21),
        claim(22),
        claim(23, claim_type="VISUAL"),
        claim(24, claim_status="INACTIVE"),
        claim(31, claim_status_detail="MADE_UP"),
    ]
    run_import(report(rows))
    run_import(
        report(
            [
                {"asset_id": "A22", "conflicting_owner": "Somebody"},
                {"asset_id": "A31", "active_reference_id": "R1"},
            ],
            ASSET,
        )
    )
    ReportedValue.objects.update(meaning=Meaning.DISPUTED)

    lists = compare()

    missing = lists.pop("no_reference")
    assert "Song 31" not in missing
    assert "Song 22" in missing
    assert lists == {
        "not_claimed": ["video 1", "video 2"],
        "not_heard": ["c11", "c12"],
        "not_scanned": ["c22", "c31"],
        "by_others": ["Song 22"],
        "dispute_due": ["c31"],
        "against_licence": ["c21"],
    }
    weak = Discrepancy.objects.filter(kind="not_heard", is_weak=True)
    assert weak.get().claim == PlatformClaim.objects.get(claim_id="c12")
    assert compare() == {**lists, "no_reference": missing}


def test_a_policy_is_listed_where_our_shares_end() -> None:
    Share.objects.create(
        recording=RightsRecording.objects.create(recording=recording(1), title="-"),
        party=Party.objects.create(name="Our label", is_ours=True),
        right=Right.MASTER,
        kind=ShareKind.OWNERSHIP,
        percent=100,
        included=["DE"],
    )
    recording(2)
    run_import(report([claim(1), claim(2)]))

    assert compare()["against_licence"] == ["c1"]
    row = Discrepancy.objects.get(kind="against_licence")
    assert row.evidence["outside"]

    # A policy of the table is judged by its countries.
    rows = [
        {"claim_id": f"s{number}", "isrc": "GBAYE0000001", "territories": places}
        for number, places in enumerate(("DE", "DE|FR", ""), start=1)
    ]
    for cells in rows:
        cells |= {"policy": "block", "platform": "meta"}
        cells["video_url"] = f"https://fb.watch/{cells['claim_id']}"
    run_import(report(rows, TABLE), account=make_account("Ours", "meta"))
    assert compare()["against_licence"] == ["c1", "s2", "s3"]


def test_the_newest_report_says_who_else_owns_an_asset() -> None:
    for number in (1, 2):
        recording(number)
    run_import(report([claim(1), claim(2)]))
    run_import(report([{"conflicting_owner": "Somebody"}, {"asset_id": "A2"}], ASSET))
    assert compare()["by_others"] == ["Song 1"]

    run_import(report([{"asset_id": "A2"}, {"asset_id": "A7"}], CONFLICT), day=NEXT)
    assert compare()["by_others"] == ["Song 2"]
    row = Discrepancy.objects.get(kind="by_others", state="open")
    assert (row.evidence["owner"], row.evidence["countries"]) == ("Other Music", "DE|FR")

    later = NEXT + timedelta(days=1)
    run_import(report([{"asset_id": "A1"}, {"asset_id": "A2"}], ASSET), day=later)
    assert "by_others" not in compare()


def test_own_videos_that_others_claim_are_listed(signed_in: MakeClient) -> None:
    recording(1)
    url = "https://www.youtube.com/watch?v=own00000001"
    file = ScannedFileFactory.create(source_url=url, link_key=link_key(url))
    rows = [
        {"asset_id": "A1", "isrc": "GBAYE0000001", "other_owners_claiming": "Other"},
        {"video_id": "own00000002", "other_owners_claiming": "No"},
        {"video_id": "own00000003"},
    ]
    run_import(report(rows, VIDEO))

    assert compare()["by_others"] == ["own00000001"]
    row = Discrepancy.objects.get(kind="by_others")
    assert (row.scanned_file, row.recording) == (file, Recording.objects.get())
    manager = signed_in(Role.MANAGER)
    path = f"{reverse('portal:claims')}?list=by_others&q=own00000001"
    page = manager.get(path).content.decode()
    assert "Other claims our own video." in page
    assert reverse("portal:file_detail", args=[file.uid]) in page
    address = reverse("portal:claim_asset", args=[make_account().uid, "A1"])
    assert url in manager.get(address).content.decode()
    limited = make_user(Role.REVIEWER)
    hidden = AccessLimit.objects.create(
        group=limited.groups.get(), containers=[ScannedFileFactory.create().container_id]
    )
    with working_for(limited):
        assert not Discrepancy.objects.filter(kind="by_others").exists()
    hidden.delete()

    old = [
        {"video_id": "own00000001", "claimed_by_another_owner": "Yes"},
        {"video_id": "own00000002", "claimed_by_another_owner": "PARTLY"},
        {"video_id": "own00000003"},
    ]
    run_import(report(old, OLD_VIDEO), day=NEXT)
    assert compare()["by_others"] == ["own00000001"]
    value = ReportedValue.objects.get()
    answers = reverse("portal:claim_values")
    wrong = manager.post(answers, {f"value-{value.pk}": "disputed"})
    assert "Select a valid choice" in wrong.content.decode()
    manager.post(answers, {f"value-{value.pk}": "by_others"})
    assert compare()["by_others"] == ["own00000001", "own00000002"]


def test_due_days_are_never_later_than_the_true_ones() -> None:
    recording(1)
    run_import(report([claim(1), claim(2, claim_status_detail="APPEAL")]))
    run_import(
        report([claim(1, claim_status_detail="POT"), claim(2, claim_status_detail="APPEAL")]),
        day=NEXT,
    )
    user = make_user(Role.MANAGER)
    for value, meaning in (("POT", Meaning.POTENTIAL), ("APPEAL", Meaning.APPEALED)):
        row = ReportedValue.objects.get(value=value)
        services.explain_value(value=row, meaning=meaning, user=user)
    compare()

    due = {row.claim_id: row.due_on for row in Discrepancy.objects.filter(kind="dispute_due")}
    first, second = PlatformClaim.objects.order_by("claim_id")
    assert due == {first.pk: DAY + timedelta(days=30), second.pk: None}

    services.enter_dispute_day(claim=second, day=DAY, user=user)
    compare()
    entered = Discrepancy.objects.get(kind="dispute_due", claim=second)
    assert entered.due_on == DAY + timedelta(days=7)
    assert entered.evidence["is_exact"]


@pytest.mark.parametrize("seed", range(2))
def test_a_due_day_is_as_early_as_the_reports_allow(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - draws test data
    begun = {number: rng.randint(1, 20) for number in range(1, 9)}
    days = rng.sample(range(22), 5)
    for day in days:
        rows = [
            claim(number, claim_status_detail="POT" if day >= first else "")
            for number, first in begun.items()
        ]
        run_import(report(rows), day=DAY + timedelta(days=day))
    ReportedValue.objects.update(meaning=Meaning.POTENTIAL)
    compare()

    entries = Discrepancy.objects.filter(kind="dispute_due")
    due = dict(entries.values_list("claim__claim_id", "due_on"))
    earlier = {n: [day for day in days if day < first] for n, first in begun.items()}
    assert due == {
        f"c{number}": DAY + timedelta(days=max(some) + 30) if some else None
        for number, some in earlier.items()
        if max(days) >= begun[number]
    }


def test_a_claim_on_a_suppressed_match_says_what_the_scan_found() -> None:
    match = heard(1, "suppressed")
    run_import(report([claim(1)]))

    assert compare()["not_heard"] == ["c1"]
    [row] = rows_of([Discrepancy.objects.get(kind="not_heard")])
    assert row.reason == "A policy or an excluded interval suppressed the match."

    # A rescan that searched for the recording does not find it again.
    match.lost = True
    match.save(update_fields=["lost"])
    bucket = match.recording.bucket
    ScanFactory.create(
        scanned_file=match.scanned_file, buckets=[{"id": bucket.pk, "name": "b"}], catalogue_state=9
    )
    held = {"is_held": True, "bucket": bucket}
    IndexEntry.objects.create(recording=match.recording, position=9, **held)
    assert compare()["not_heard"] == ["c1"]
    [row] = rows_of([Discrepancy.objects.get(kind="not_heard")])
    assert row.reason == "A finished scan did not find it."


def test_a_dismissed_difference_opens_again_when_its_grounds_change() -> None:
    match = heard(1, "rejected")
    run_import(report([claim(1)]))
    compare()
    row = Discrepancy.objects.get(kind="not_heard")
    user = make_user(Role.REVIEWER)

    done = services.dismiss(revisions={row.uid: row.revision}, note_text="Known.", user=user)
    assert done == (1, 0)
    assert "not_heard" not in compare()
    assert Event.objects.filter(action="claims.dismissed").count() == 1
    stale = services.reopen(revisions={row.uid: row.revision}, user=user)
    assert stale == (0, 1)

    Match.objects.filter(pk=match.pk).update(decision_reason="wrong_recording")
    assert compare()["not_heard"] == ["c1"]
    row.refresh_from_db()
    assert (row.state, row.note) == ("open", "")


def test_assets_are_linked_by_the_first_identifier_that_fits() -> None:
    own = recording(1, custom_id="OWN")
    recording(2)
    twice = [recording(3), recording(3)]
    rows = [
        claim(1, isrc="", custom_id="OWN"),
        claim(2, isrc="gb-aye-00-00002"),
        claim(3),
        claim(4),
    ]
    run_import(report(rows))
    compare()

    links = dict(PlatformAsset.objects.values_list("asset_id", "linked_by"))
    assert links == {"A1": "custom_id", "A2": "claim_isrc", "A3": "ambiguous", "A4": ""}
    assert PlatformAsset.objects.get(asset_id="A1").recording == own

    Recording.objects.filter(pk=twice[1].pk).update(same_sound_as=twice[0])
    compare()
    assert PlatformAsset.objects.get(asset_id="A3").recording == twice[0]

    asset, user = PlatformAsset.objects.get(asset_id="A4"), make_user(Role.MANAGER)
    services.link_asset(asset=asset, recording=own, user=user)
    compare()
    asset.refresh_from_db()
    assert (asset.recording, asset.linked_by) == (own, "person")


def test_following_changes_says_the_same_as_comparing_everything() -> None:
    rng = random.Random(55)  # noqa: S311 - draws test data
    matches = [heard(n, "confirmed") for n in range(1, 7)]
    for n in range(7, 10):
        recording(n)
    run_import(report([claim(n) for n in range(3, 10)]))
    run_import(report([{"asset_id": f"A{n}"} for n in range(3, 8)], ASSET))
    run_import(report([{"asset_id": f"A{n}"} for n in range(3, 6)], CONFLICT))
    claimed = {"other_owners_claiming": "Other"}
    videos = [{"video_id": f"vid{n:08}", "asset_id": f"A{n}", **claimed} for n in range(2, 9)]
    run_import(report(videos, VIDEO))
    compare()
    for _step in range(8):
        for _change in range(rng.randint(1, 3)):
            _change_something(rng, matches)
        while changes := list(GroundChange.objects.order_by("pk")):
            comparing.follow_changes(changes)
        followed = _rows()

        compare()

        assert _rows() == followed


def _change_something(rng: random.Random, matches: list[Match]) -> None:
    """Change a ground as the product does: with its signal or event."""
    from catalogue.changes import update_recording
    from plugins.claims import grounds

    kind = rng.choice(["state", "delete", "retire", "isrc", "link", "new file"])
    match = rng.choice(matches)
    if kind == "state":
        state = rng.choice([*("confirmed", "pending", "upheld", "suppressed")])
        Match.objects.filter(pk=match.pk).update(state=MatchState(state))
        base.audit.services.record(case=match.case, action="decided")
    elif kind == "delete":
        gone = None if rng.random() < 0.5 else EARLY
        ScannedFile.objects.filter(pk=match.scanned_file_id).update(deleted_at=gone)
        grounds.note(files=[match.scanned_file_id])
    elif kind == "retire" and rng.random() < 0.3:
        retire_recordings(recordings=[match.recording], user=None)
    elif kind == "isrc":
        number = f"GBAYE{rng.randint(1, 9):07}"
        row = Recording.objects.get(pk=match.recording_id)
        columns = {"isrc": number, "isrc_normalised": number}
        update_recording(recording=row, columns=columns, user=None)
    elif kind == "link":
        asset = rng.choice(list(PlatformAsset.objects.order_by("pk")))
        living = Recording.objects.exclude(status="retired").order_by("pk")
        chosen = rng.choice([None, *living])
        services.link_asset(asset=asset, recording=chosen, user=make_user(Role.MANAGER))
    elif kind == "new file":
        file = video(rng.randint(3, 9))
        ScanFactory.create(scanned_file=file)
        grounds.note(files=[file.pk])


def _rows() -> list[dict[str, Any]]:
    gone = Discrepancy.objects.exclude(state=DiscrepancyState.GONE)
    return list(
        gone.order_by("key").values(
            *("key", "basis", "state", "recording", "scanned_file", "match", "is_weak")
        )
    )


def test_pages_show_and_act_within_access_limits(signed_in: MakeClient) -> None:
    match = heard(1, "rejected")
    heard(2, "confirmed")
    recording(3)
    run_import(report([claim(1), claim(3, claim_status_detail="MADE_UP")]))
    compare()
    manager = signed_in(Role.MANAGER)

    lists = [f"list={kind}" for kind in DiscrepancyKind]
    for query in (*lists, "list=not_heard&state=dismissed", "list=not_heard&state=gone"):
        path = f"{reverse('portal:claims')}?{query}"
        assert manager.get(path).status_code == 200, query
    page = manager.get(f"{reverse('portal:claims')}?list=not_heard&q=waves")
    row = Discrepancy.objects.get(kind="not_heard")
    assert row.uid in page.content.decode()
    offered = f"{reverse('portal:links')}?links=https%3A%2F%2Fwww.youtube.com"
    unscanned = f"{reverse('portal:claims')}?list=not_scanned"
    assert offered in manager.get(unscanned).content.decode()
    filled = manager.get(reverse("portal:links"), {"links": "https://youtu.be/v"})
    assert "https://youtu.be/v" in filled.content.decode()
    account = make_account()
    address = reverse("portal:claim", args=[account.uid, "c1"])
    assert CLAIM["channel_display_name"] in manager.get(address).content.decode()
    assert address in manager.get(match.review_url).content.decode()
    asset_address = reverse("portal:claim_asset", args=[account.uid, "A3"])
    manager.post(asset_address, {"recording": match.recording.uid})
    assert PlatformAsset.objects.get(asset_id="A3").recording == match.recording
    value = ReportedValue.objects.get()
    manager.post(reverse("portal:claim_values"), {f"value-{value.pk}": "disputed"})
    value.refresh_from_db()
    assert value.meaning == "disputed"
    many = {"discrepancy": f"{row.uid}:{row.revision}", "note": "Known."}
    manager.post(reverse("portal:claims_many"), many)
    row.refresh_from_db()
    assert row.state == "dismissed"

    limited = make_user(Role.REVIEWER)
    group = limited.groups.get()
    other_container_id = ScannedFileFactory.create().container_id
    AccessLimit.objects.create(group=group, containers=[other_container_id])
    with working_for(limited):
        assert not Discrepancy.objects.exclude(kind="no_reference").exists()
        assert services.reopen(revisions={row.uid: row.revision}, user=limited) == (0, 1)
    client = signed_in(Role.REVIEWER)
    assert client.get(address).status_code == 404


def test_a_dispute_and_other_steps_begin_at_what_is_claimed(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    match = heard(1, "confirmed")
    run_import(report([claim(1, claim_status_detail="MADE_UP")]))
    services.explain_value(
        value=ReportedValue.objects.get(), meaning="disputed", user=make_user(Role.MANAGER)
    )
    assert compare()["dispute_due"] == ["c1"]
    of_claim = reverse("portal:claim", args=[make_account().uid, "c1"])
    pages = [f"{reverse('portal:claims')}?list=dispute_due", of_claim]
    way = "Record the dispute"
    reviewer, viewer = signed_in(Role.REVIEWER), signed_in(Role.VIEWER)
    for path in pages:
        page = reviewer.get(path).content.decode()
        assert way in page
        assert f'href="{match.review_url}"' in page
        hidden = viewer.get(path).content.decode()
        assert way not in hidden

    drawn_for: list[Match] = []
    card = Card("match.steps", "", lambda about, _user: drawn_for.append(about))
    monkeypatch.setattr(portal_tags, "cards_of", lambda page: [card] if page == card.page else [])
    reviewer.get(of_claim)
    assert drawn_for == [match]

    match.state = "disputed"
    match.save()
    for path in pages:
        assert way not in reviewer.get(path).content.decode()


def test_a_report_is_uploaded_checked_and_imported(signed_in: MakeClient) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from plugins.claims.models import ClaimsImport

    manager = signed_in(Role.MANAGER)
    fields = {"platform": "youtube", "account": "Example Music"}
    file = SimpleUploadedFile("claims_20261103.csv", report([claim(1)]))
    answer = manager.post(reverse("portal:claims_import"), {**fields, "file": file})

    import_ = ClaimsImport.objects.get()
    assert import_.report_day == DAY
    assert answer["Location"] == reverse("portal:claims_import_detail", args=[import_.uid])
    assert manager.get(answer["Location"]).status_code == 200
    nameless = SimpleUploadedFile("claims.csv", report([claim(1)]))
    refused = manager.post(reverse("portal:claims_import"), {**fields, "file": nameless})
    assert "contains no day" in refused.content.decode()


def test_a_table_of_another_platform_fills_the_same_lists() -> None:
    account = make_account("Ours", "soundcloud")
    for number, state in ((1, "rejected"), (2, "confirmed"), (3, "confirmed")):
        url = f"https://soundcloud.com/example/set-{number}"
        heard(number, state, source_url=url)
    heard(4, "confirmed")
    address = "https://soundcloud.com/example/set-{}?si=tracked"
    rows = [
        {"claim_id": "s1", "isrc": "GBAYE0000001"},
        {"claim_id": "s3", "isrc": "GBAYE0000003", "other_claimant": "Somebody"},
        {"claim_id": "s5", "kind": "appeal", "disputed_on": "2026-10-20"},
        {"claim_id": "s6", "platform": "tiktok"},
        {"claim_id": "s7", "status": "SEEN"},
        {"claim_id": "s8", "policy": "block", "territories": "DE, Narnia"},
    ]
    for row in rows:
        row["video_url"] = address.format(row["claim_id"][1:])
    import_ = run_import(report(rows, TABLE), account=account)

    assert [fault["column"] for fault in import_.summary["faults"]] == [
        *("platform", "status", "territories")
    ]
    assert import_.summary["unknown_values"] == []
    assert compare() == {
        "not_claimed": ["video 2"],
        "not_heard": ["s1"],
        "not_scanned": ["s5"],
        "by_others": ["s3"],
        "dispute_due": ["s5"],
    }
    due = Discrepancy.objects.get(kind="dispute_due")
    # Only YouTube's periods are public.
    assert (due.due_on, due.evidence["is_exact"]) == (None, True)


def test_a_refused_reference_file_recognises_nothing() -> None:
    working = ("ACTIVE", "COMPUTING_FINGERPRINT", "active")
    refused = ("INACTIVE", "duplicate_on_hold", "DELETED")
    states = dict(enumerate([*working, *refused], start=1))
    songs = {number: recording(number) for number in states}
    assets = [{"asset_id": f"A{number}", "your_isrc": song.isrc} for number, song in songs.items()]
    run_import(report(assets, ASSET))
    references = [
        {"reference_id": f"R{number}", "asset_id": f"A{number}", "status": status}
        for number, status in states.items()
    ]
    run_import(report(references, REFERENCE))

    compare()

    rows = Discrepancy.objects.filter(kind="no_reference", state="open")
    why = dict(rows.values_list("recording__title", "evidence__why"))
    assert why == dict.fromkeys(
        (songs[number].title for number in states if states[number] in refused), "no_reference"
    )
