"""The review page of a match: permissions and refusals."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.roles import Role
from audit.models import Event
from review.choices import MatchState
from review.services import locks
from scanning.models import ScannedFile
from tests.conftest import MakeClient
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import make_detection
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


@pytest.mark.parametrize("name", ["match_decide", "match_note", "match_release"])
def test_changes_need_a_post(client: Client, name: str) -> None:
    match = make_match()

    answer = client.get(reverse(f"portal:{name}", args=[match.uid]))

    assert answer.status_code == 405


def test_unknown_match_is_not_found(client: Client) -> None:
    assert client.get("/m/m_none").status_code == 404
    assert client.post("/m/m_none/decide", {"verb": "confirm"}).status_code == 404


def test_confirm_leads_to_the_next_match_with_an_undo(client: Client) -> None:
    first, second = make_match(), make_match()
    client.get(page_of(first))

    answer = decide(client, first, "confirm")

    assert answer["Location"] == page_of(second)
    page = client.get(page_of(second)).content.decode()
    assert "Confirmed" in page
    assert reverse("portal:match_decide", args=[first.uid]) in page


def test_next_match_stays_in_the_queue_of_the_address(client: Client) -> None:
    first = make_match(match={"queue_reason": "altered"})
    make_match()
    third = make_match(match={"queue_reason": "altered"})
    query = "?reason=altered"

    page = client.get(page_of(first, query))

    assert page.context["next_url"] == page_of(third, query)
    assert page.context["place"].total == 2


def test_an_altered_use_says_how_it_was_edited(client: Client) -> None:
    edited = {"relation": "altered", "speed_pct": "25.00", "pitch_cents": 386}
    edited |= {"edit": "sped_up"}
    match = make_match(match={**edited, "queue_reason": "altered"})

    page = client.get(page_of(match)).content.decode()
    sped_up, slowed = (
        client.get(reverse("portal:queue"), {"edit": edit}).content.decode()
        for edit in ("sped_up", "slowed")
    )

    assert "sped up 1.25\N{NO-BREAK SPACE}×" in page
    assert "sped up 1.25\N{NO-BREAK SPACE}×" in sped_up
    assert "sped up 1.25\N{NO-BREAK SPACE}×" not in slowed


def test_a_use_says_in_which_band_it_is_heard(client: Client) -> None:
    heard: dict[str, object] = {"low_hz": 300}
    match = make_match(match=heard, segment=heard)
    make_match()

    pages = [
        client.get(address).content.decode()
        for address in (
            page_of(match),
            reverse("portal:queue"),
            reverse("portal:file_detail", args=[match.scanned_file.uid]),
        )
    ]
    filtered = client.get(reverse("portal:queue"), {"band": "yes"})

    words = "heard only above 300 Hz"
    assert f"{words}, as through a telephone" in pages[0]
    # Of two matches in the queue, and of the segments of the file, one is cut off; a row
    # cuts the words off and has them as its title.
    assert [page.count(words) for page in pages] == [2, 2, 1]
    assert [row.match for row in filtered.context["rows"]] == [match]


def test_queue_follows_its_sort_both_ways(client: Client) -> None:
    low = make_match(score="60.0")
    none = make_match(score=None)
    high = make_match(score="90.0")

    page = client.get(page_of(low, "?sort=-score"))

    assert page.context["previous_url"] == page_of(high, "?sort=-score")
    assert page.context["next_url"] == page_of(none, "?sort=-score")
    assert page.context["place"].number == 2


def test_reject_with_its_reason_is_kept_in_the_event(client: Client) -> None:
    match = make_match()

    decide(client, match, "reject", code="shared_loop", note="a library loop")

    match.refresh_from_db()
    assert (match.state, match.decision_reason) == ("rejected", "shared_loop")
    event = Event.objects.filter(case=match.case).latest("sequence")
    assert (event.action, event.note) == ("reject", "a library loop")


@pytest.mark.parametrize(
    ("verb", "fields", "message"),
    [
        ("reject", {"note": "my words"}, "Choose why the match is rejected."),
        ("reject", {"code": "nonsense", "note": "my words"}, "Choose why"),
        ("clear", {"note": " "}, "Say why the use is allowed, or choose a licence."),
        ("escalate", {"note": ""}, "Say what the manager should look at."),
        ("reject", {"code": "noise", "note": "x" * 4001}, "4001 characters"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_kept(
    client: Client, verb: str, fields: dict[str, str], message: str
) -> None:
    match = make_match()

    answer = decide(client, match, verb, **fields)

    assert answer.status_code == 409
    page = answer.content.decode()
    assert message in page
    assert fields["note"].strip() in page
    match.refresh_from_db()
    assert match.state not in (MatchState.REJECTED, MatchState.CLEARED)


@pytest.mark.parametrize(
    ("state", "verb", "message"),
    [
        (MatchState.CONFIRMED, "reject", "This match is already confirmed."),
        (MatchState.PENDING, "reopen", "pending; only cleared, rejected"),
    ],
)
def test_a_move_that_is_not_allowed_is_said_and_the_text_kept(
    signed_in: MakeClient, state: MatchState, verb: str, message: str
) -> None:
    match = make_match(state=state)

    answer = decide(signed_in(MANAGER), match, verb, code="noise", note="my words")

    page = answer.content.decode()
    assert answer.status_code == 409
    assert message in page
    assert "my words" in page
    match.refresh_from_db()
    assert match.state == state


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"verb": "confirm"},
        {"verb": "confirm", "version": "x"},
        {"verb": "explode", "version": "1"},
        {"verb": "confirm", "version": "²"},
        {"verb": "confirm", "version": "9" * 5000},
    ],
)
def test_odd_posts_change_nothing(client: Client, data: dict[str, str]) -> None:
    match = make_match()

    answer = client.post(reverse("portal:match_decide", args=[match.uid]), data)

    assert answer.status_code == 400
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_stale_page_saves_nothing_and_keeps_the_text(
    client: Client, signed_in: MakeClient
) -> None:
    match = make_match()
    client.get(page_of(match))
    match.refresh_from_db()
    seen = match.version
    mira = make_user(MANAGER, username="mira")
    locks.take_lock(match=match, user=mira, break_lock=True)

    answer = client.post(
        reverse("portal:match_decide", args=[match.uid]),
        {"verb": "clear", "version": seen, "note": "our licence 77"},
    )

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Taken over by mira at" in page
    assert "nothing was saved" in page
    assert "our licence 77" in page
    match.refresh_from_db()
    assert match.state == MatchState.IN_REVIEW


def test_undo_brings_the_match_back(client: Client) -> None:
    match = make_match()
    make_match()
    decide(client, match, "confirm")

    answer = decide(client, match, "undo")

    assert answer["Location"] == page_of(match)
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_the_history_says_which_decision_was_undone(client: Client) -> None:
    match = make_match()
    decide(client, match, "reject", code="wrong_recording")
    decide(client, match, "undo")

    assert (
        "undid the decision “Rejected”" in client.get(page_of(match)).content.decode()
    )


def test_undo_of_another_persons_decision_is_refused(
    client: Client, signed_in: MakeClient
) -> None:
    match = make_match()
    decide(signed_in(REVIEWER), match, "confirm")

    answer = decide(client, match, "undo")

    assert answer.status_code == 409
    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED


def test_last_decision_leads_to_the_queue(client: Client) -> None:
    match = make_match()

    answer = decide(client, match, "confirm")

    assert answer["Location"] == f"{reverse('portal:queue')}?view=waiting"
    page = client.get(reverse("portal:queue")).content.decode()
    assert "Nothing is waiting for you" in page
    assert ": confirmed." in page


def test_script_gets_the_outcome_as_json(client: Client) -> None:
    match = make_match()

    answer = client.post(
        reverse("portal:match_decide", args=[match.uid]),
        {"verb": "confirm", "version": match.version},
        headers=JSON,
    )

    body = answer.json()
    assert (body["uid"], body["state"]) == (match.uid, "confirmed")
    assert "data-undo" in body["last"]


def test_note_is_kept_and_changes_no_decision(client: Client) -> None:
    match = make_match()
    client.get(page_of(match))
    match.refresh_from_db()
    decide(client, match, "confirm")

    client.post(
        reverse("portal:match_note", args=[match.uid]), {"note": "heard under speech"}
    )

    page = client.get(page_of(match)).content.decode()
    assert "heard under speech" in page
    assert page.count('aria-keyshortcuts="Z"') == 1
    match.refresh_from_db()
    assert (match.state, match.note) == ("confirmed", "heard under speech")


@pytest.mark.parametrize("note", ["", "   ", "y" * 4001])
def test_note_that_cannot_be_kept_is_refused_with_its_text(
    client: Client, note: str
) -> None:
    match = make_match()

    answer = client.post(reverse("portal:match_note", args=[match.uid]), {"note": note})

    assert answer.status_code == 409
    assert note.strip() in answer.content.decode()
    assert not Event.objects.filter(case=match.case, action="note").exists()


def test_decision_without_audio_is_marked(client: Client) -> None:
    match = make_match()

    page = client.get(page_of(match)).content.decode()
    decide(client, match, "confirm")

    assert "Neither sound is stored here" in page
    event = Event.objects.filter(case=match.case, action="confirm").get()
    assert event.after["decided_without_audio"] is True


def test_decision_with_both_sounds_carries_no_mark(client: Client) -> None:
    match = make_match()
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(media="a")
    type(match.recording).objects.filter(pk=match.recording_id).update(audio="b")

    decide(client, match, "confirm")

    event = Event.objects.filter(case=match.case, action="confirm").get()
    assert "decided_without_audio" not in event.after


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


def test_metadata_marks_what_differs(client: Client) -> None:
    recording = RecordingFactory.create(release_date="2018-05-04")
    match = make_match(recording=recording)
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(
        facts={"tags": {"title": "Another title", "artist": "a. example"}}
    )

    page = client.get(page_of(match))

    assert page.context["differing"] == 1
    assert "Another title" in page.content.decode()
    assert page.context["fields"][-1].reference == "4 May 2018"


def test_other_recordings_at_the_same_place_are_candidates(client: Client) -> None:
    match = make_match()
    there = make_match(scan=match.scan)
    make_match((300_000, 320_000, 0, 20_000), scan=match.scan)

    page = client.get(page_of(match))

    assert [other.pk for other in page.context["candidates"]] == [there.pk]


def test_copies_that_the_match_counts_for_are_named(client: Client) -> None:
    match = make_match()
    copy = RecordingFactory.create(title="A twin", same_sound_as=match.recording)
    make_detection((0, 60_000, 0, 60_000), scan=match.scan, recording=copy)

    page = client.get(page_of(match)).content.decode()

    link = re.search(rf'<a href="/catalogue/recordings/{copy.uid}/">([^<]*)</a>', page)
    assert link is not None
    assert link[1].strip() == "A twin"


@pytest.mark.parametrize("state", list(MatchState))
def test_page_holds_in_every_state(client: Client, state: MatchState) -> None:
    match = make_match(state=state, match={"score": None})
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(
        name="ö" * 200, deleted_at=datetime.now(tz=UTC)
    )

    assert client.get(page_of(match)).status_code == 200


def test_segment_of_the_address_is_drawn(client: Client) -> None:
    match = make_match((10_000, 20_000, 0, 10_000), (400_000, 420_000, 5_000, 25_000))

    second = client.get(page_of(match, "?segment=2"))
    odd = client.get(page_of(match, "?segment=99"))

    assert second.context["pair"].source.start_ms == 400_000
    assert odd.context["current"] == 2


def test_page_asks_the_database_a_fixed_number_of_times(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    match = make_match()
    for _ in range(4):
        make_match(scan=match.scan)
        make_match()

    with django_assert_max_num_queries(56):
        client.get(page_of(match))


def test_history_tells_decisions_and_only_the_last_look(client: Client) -> None:
    match = make_match()
    for _ in range(3):
        client.get(page_of(match))
        client.post(reverse("portal:match_release", args=[match.uid]))

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


def test_unknown_licence_clears_nothing(client: Client) -> None:
    match = make_match()

    answer = decide(client, match, "clear", licence="l_none")

    assert answer.status_code == 409
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_a_segment_names_its_sound_track(client: Client) -> None:
    match = make_match(segment={"track": 2})
    file = match.scanned_file
    file.facts = {
        "tracks": [
            {"number": 1, "name": "Stereo, eng", "state": "main"},
            {"number": 2, "name": "Commentary", "state": "other"},
        ]
    }
    file.save(update_fields=["facts"])

    page = client.get(page_of(match)).content.decode()
    of_file = client.get(reverse("portal:file_detail", args=[file.uid]))

    said = "Sound track 2: Commentary"
    assert said in page
    assert said in of_file.content.decode()
    assert "1: Stereo, eng – the main one, searched first" in of_file.content.decode()
