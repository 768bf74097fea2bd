"""The review page of a match: permissions and refusals."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Recording
from review.choices import MatchState
from review.models import Match
from review.services import locks
from scanning.models import ScannedFile
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import make_detection
from tests.fixtures import MakeClient
from tests.portal.review.reviewing import JSON, decide, page_of

VIEWER, REVIEWER, MANAGER, ADMIN = Role


def test_viewer_sees_all_and_decides_nothing(signed_in: MakeClient) -> None:
    match = make_match()
    viewer = signed_in(VIEWER)

    page = viewer.get(page_of(match)).content.decode()
    answer = decide(viewer, match, "confirm")

    assert "Your role may view matches" in page
    assert "data-decide=" not in page
    assert answer.status_code == 403
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_odd_requests_change_nothing(client: Client) -> None:
    match = make_match()
    urls = {
        name: reverse(f"portal:match_{name}", args=[match.uid])
        for name in ("decide", "note", "release")
    }

    for url in urls.values():
        assert client.get(url).status_code == 405, url
    assert client.get("/m/m_none").status_code == 404
    assert client.post("/m/m_none/decide", {"verb": "confirm"}).status_code == 404
    for data in (
        {},
        {"verb": "confirm"},
        {"verb": "confirm", "version": "x"},
        {"verb": "explode", "version": "1"},
        {"verb": "confirm", "version": "²"},
        {"verb": "confirm", "version": "9" * 5000},
    ):
        assert client.post(urls["decide"], data).status_code == 400, data
    for note in ("", "   ", "y" * 4001):
        answer = client.post(urls["note"], {"note": note})
        assert answer.status_code == 409
        assert note.strip() in answer.content.decode()

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert not Event.objects.filter(case=match.case, action="note").exists()


def test_a_decision_leads_on_and_is_undone_and_made_anew(client: Client) -> None:
    first, second = make_match(), make_match()
    client.get(page_of(first))

    answer = decide(client, first, "reject", code="shared_loop", note="a library loop")

    assert answer["Location"] == page_of(second)
    page = client.get(page_of(second)).content.decode()
    assert "Rejected" in page
    assert reverse("portal:match_decide", args=[first.uid]) in page
    first.refresh_from_db()
    assert (first.state, first.decision_reason) == ("rejected", "shared_loop")
    event = Event.objects.filter(case=first.case).latest("sequence")
    assert (event.action, event.note) == ("reject", "a library loop")

    # Undone, it waits again, and its history says what was undone.
    answer = decide(client, first, "undo")
    assert answer["Location"] == page_of(first)
    first.refresh_from_db()
    assert first.state == MatchState.PENDING
    page = client.get(page_of(first)).content.decode()
    assert "undid the decision “Rejected”" in page

    # The last decision leads to the queue.
    assert decide(client, first, "confirm")["Location"] == page_of(second)
    answer = decide(client, second, "confirm")
    assert answer["Location"] == f"{reverse('portal:queue')}?view=waiting"
    page = client.get(reverse("portal:queue")).content.decode()
    assert "Nothing is waiting for you" in page
    assert ": confirmed." in page


def test_the_ways_on_follow_the_filter_and_the_sort_of_the_address(client: Client) -> None:
    low = make_match(score="60.0", match={"queue_reason": "altered"})
    high = make_match(score="90.0")
    none = make_match(score=None, match={"queue_reason": "altered"})

    filtered = client.get(page_of(low, "?reason=altered"))
    ordered = client.get(page_of(low, "?sort=-score"))

    assert filtered.context["next_url"] == page_of(none, "?reason=altered")
    assert filtered.context["place"].total == 2
    assert ordered.context["previous_url"] == page_of(high, "?sort=-score")
    assert ordered.context["next_url"] == page_of(none, "?sort=-score")
    assert ordered.context["place"].number == 2


def test_an_altered_use_says_how_it_was_edited_and_in_which_band_it_is_heard(
    client: Client,
) -> None:
    heard: dict[str, object] = {"low_hz": 300}
    edited = {"relation": "altered", "speed_pct": "25.00", "pitch_cents": 386}
    edited |= {"edit": "sped_up", "queue_reason": "altered"}
    match = make_match(match={**heard, **edited}, segment=heard)
    make_match()
    queue = reverse("portal:queue")

    pages = [
        client.get(address).content.decode()
        for address in (
            page_of(match),
            queue,
            reverse("portal:file_detail", args=[match.scanned_file.uid]),
        )
    ]
    matches = [
        [row.match for row in client.get(queue, fields).context["rows"]]
        for fields in ({"edit": "sped_up"}, {"edit": "slowed"}, {"band": "yes"})
    ]

    words = "heard only above 300 Hz"
    assert f"{words}, as through a telephone" in pages[0]
    # Of two matches in the queue, and of the segments of the file, one is cut off; a row
    # cuts the words off and has them as its title.
    assert [page.count(words) for page in pages] == [2, 2, 1]
    assert "sped up 1.25\N{NO-BREAK SPACE}×" in pages[0]
    assert "sped up 1.25\N{NO-BREAK SPACE}×" in pages[1]
    assert matches == [[match], [], [match]]


def test_what_is_missing_is_said_and_what_was_typed_kept(client: Client) -> None:
    match = make_match()

    for verb, fields, message in (
        ("reject", {"note": "my words"}, "Choose why the match is rejected."),
        ("reject", {"code": "nonsense", "note": "my words"}, "Choose why"),
        (*("clear", {"note": " "}), "Say why the use is allowed, or choose a licence."),
        ("clear", {"note": "", "licence": "l_none"}, ""),
        ("escalate", {"note": ""}, "Say what the manager should look at."),
        ("reject", {"code": "noise", "note": "x" * 4001}, "4001 characters"),
    ):
        answer = decide(client, match, verb, **fields)

        assert answer.status_code == 409, message
        page = answer.content.decode()
        assert message in page
        assert fields["note"].strip() in page
        match.refresh_from_db()
        assert match.state in (MatchState.PENDING, MatchState.IN_REVIEW)


def test_a_move_that_is_not_allowed_is_said_and_the_text_kept(
    client: Client, signed_in: MakeClient
) -> None:
    manager = signed_in(MANAGER)
    for state, verb, message in (
        (MatchState.CONFIRMED, "reject", "This match is already confirmed."),
        (MatchState.PENDING, "reopen", "pending; only cleared, rejected"),
    ):
        match = make_match(state=state)

        answer = decide(manager, match, verb, code="noise", note="my words")

        page = answer.content.decode()
        assert answer.status_code == 409
        assert message in page
        assert "my words" in page
        match.refresh_from_db()
        assert match.state == state

    decide(manager, match, "confirm")
    assert decide(client, match, "undo").status_code == 409
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED


def test_a_script_is_told_the_outcome_and_a_note_changes_no_decision(
    client: Client, ana: User
) -> None:
    match = make_match()
    version = locks.take_lock(match=match, user=ana).version

    body = client.post(
        reverse("portal:match_decide", args=[match.uid]),
        {"verb": "confirm", "version": version},
        headers=JSON,
    ).json()
    client.post(reverse("portal:match_note", args=[match.uid]), {"note": "heard under speech"})

    assert (body["uid"], body["state"]) == (match.uid, "confirmed")
    assert "data-undo" in body["last"]
    page = client.get(page_of(match)).content.decode()
    assert "heard under speech" in page
    assert page.count('aria-keyshortcuts="Z"') == 1
    match.refresh_from_db()
    assert (match.state, match.note) == ("confirmed", "heard under speech")


def test_only_a_decision_without_audio_is_marked(client: Client) -> None:
    silent, heard, deleted = make_match(), make_match(), make_match()
    for match in (heard, deleted):
        ScannedFile.objects.filter(pk=match.scanned_file_id).update(media="a")
        Recording.objects.filter(pk=match.recording_id).update(audio="b")
    deleted_at = datetime.now(tz=UTC)
    ScannedFile.objects.filter(pk=deleted.scanned_file_id).update(deleted_at=deleted_at)

    page = client.get(page_of(silent)).content.decode()
    marks = []
    for match in (silent, heard, deleted):
        decide(client, match, "confirm")
        event = Event.objects.filter(case=match.case, action="confirm").get()
        marks.append(event.after.get("decided_without_audio"))

    assert "Neither sound is stored here" in page
    assert marks == [True, None, True]


def test_escalated_match_is_a_managers(client: Client, signed_in: MakeClient) -> None:
    match = make_match()
    decide(client, match, "escalate", note="whose is this?")

    own = client.get(page_of(match)).content.decode()
    manager = signed_in(MANAGER)
    page = manager.get(page_of(match)).content.decode()
    decide(manager, match, "confirm")

    assert "a manager decides it" in own
    assert "Reopen…" in page
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED


def test_page_tells_metadata_candidates_copies_and_the_segment_of_the_address(
    client: Client,
) -> None:
    match = make_match(
        *((10_000, 20_000, 0, 10_000), (400_000, 420_000, 5_000, 25_000)),
        recording=RecordingFactory.create(release_date="2018-05-04"),
        segment={"track": 2},
    )
    there = make_match((400_000, 420_000, 0, 20_000), scan=match.scan)
    make_match((300_000, 320_000, 0, 20_000), scan=match.scan)
    copy = RecordingFactory.create(title="A twin", same_sound_as=match.recording)
    make_detection((0, 60_000, 0, 60_000), scan=match.scan, recording=copy)
    file = match.scanned_file
    file.facts = {
        "tags": {"title": "Another title", "artist": "a. example"},
        "tracks": [
            {"number": 1, "name": "Stereo, eng", "state": "main"},
            {"number": 2, "name": "Commentary", "state": "other"},
        ],
    }
    file.save(update_fields=["facts"])

    second = client.get(page_of(match, "?segment=2"))
    odd = client.get(page_of(match, "?segment=99"))
    of_file = client.get(reverse("portal:file_detail", args=[file.uid]))

    page = second.content.decode()
    assert second.context["differing"] == 1
    assert "Another title" in page
    assert second.context["fields"][-1].reference == "4 May 2018"
    assert [other_candidate.pk for other_candidate in second.context["candidates"]] == [there.pk]
    link = re.search(rf'<a href="/catalogue/recordings/{copy.uid}/">([^<]*)</a>', page)
    assert link is not None
    assert link[1].strip() == "A twin"
    assert second.context["pair"].source.start_ms == 400_000
    assert odd.context["current"] == 2
    # A segment names its sound track.
    message = "Sound track 2: Commentary"
    assert message in page
    assert message in of_file.content.decode()
    assert "1: Stereo, eng – the main one, searched first" in of_file.content.decode()


def test_page_holds_in_every_state(client: Client) -> None:
    match = make_match(match={"score": None})
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(
        name="ö" * 200, deleted_at=datetime.now(tz=UTC), proxy="renditions/x.webm"
    )

    for state in MatchState:
        reason = "noise" if state == MatchState.REJECTED else ""
        Match.objects.filter(pk=match.pk).update(
            state=state, decision_reason=reason, locked_by=None, locked_until=None
        )
        page = client.get(page_of(match))
        assert page.status_code == 200, state
        # Its address is one of a file that is gone.
        assert page.context["pair"].source.audio_url == "", state


def test_page_asks_the_database_a_fixed_number_of_times(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    match = make_match()
    for _ in range(4):
        make_match(scan=match.scan)
        make_match()

    with django_assert_max_num_queries(58):
        client.get(page_of(match))


def test_history_tells_decisions_and_only_the_last_look(client: Client, ana: User) -> None:
    match = make_match()
    for _ in range(3):
        locks.take_lock(match=match, user=ana)
        locks.release_lock(match=match, user=ana)

    page = client.get(page_of(match))

    assert [event.action for event in page.context["events"]] == ["take", "found"]


def test_licence_that_covers_the_use_is_offered_and_clears(client: Client) -> None:
    match = make_match()
    licence = make_licence(holder="Coastline", recordings=[match.recording])

    page = client.get(page_of(match)).content.decode()
    decide(client, match, "clear", licence=licence.uid)

    assert f"{licence.number}</strong> Coastline<span" in page
    assert "It covers this use." in page
    match.refresh_from_db()
    assert (match.state, match.licence) == ("cleared", licence)
