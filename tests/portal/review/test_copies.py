"""The same match in copies of a file is decided once, by the preview of many."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.audit.models import Event
from review.choices import MatchState
from review.copies import waiting_copies
from review.models import Match
from scanning.models import ScannedFile
from tests.factories.review import make_match
from tests.portal.review.reviewing import page_of
from web.portal.shared import selection

pytestmark = pytest.mark.django_db


def preview_of(match: Match) -> str:
    return reverse("portal:match_preview", args=[match.uid])


def in_file(name: str, recording: Match | None, at_ms: int, length: int) -> Match:
    match = (
        make_match((at_ms, at_ms + 20_000, 0, 20_000), recording=recording.recording)
        if recording
        else make_match((at_ms, at_ms + 20_000, 0, 20_000))
    )
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(name=name, length_ms=length)
    return Match.objects.get(pk=match.pk)


def test_the_same_match_in_copies_is_decided_at_once(client: Client) -> None:
    match = in_file("first.mp4", None, 10_000, 300_000)
    copies = [
        in_file("again.mp3", match, 10_400, 300_300),
        in_file("third.opus", match, 9_800, 299_500),
    ]
    in_file("longer.mp3", match, 10_000, 400_000)
    in_file("elsewhere.mp3", match, 60_000, 300_000)
    other_match = in_file("more music.mp3", match, 10_000, 300_000)
    make_match((100_000, 130_000, 0, 30_000), scan=other_match.scan)

    page = client.get(page_of(match))

    assert page.context["file_copies"] == copies
    message = "The same in 2 copies of this file"
    assert message in page.content.decode()
    assert message in client.get(preview_of(match)).content.decode()
    packed = page.context["packed_copies"]
    walk = reverse("portal:file_review", args=[match.scanned_file.uid])
    decide = f"{reverse('portal:decide_many')}?list={walk}"
    preview = client.post(decide, {"verb": "confirm", "expected": packed})
    assert len(preview.context["chosen"]) == 3
    assert preview.context["back"] == walk
    done = client.post(decide, {"verb": "confirm", "expected": packed, "apply": "yes", "note": ""})
    assert done.context["done_count"] == 3
    together = [match, *copies]
    states = Match.objects.filter(pk__in=[match.pk for match in together])
    assert set(states.values_list("state", flat=True)) == {MatchState.CONFIRMED}
    for item in together:
        assert Event.objects.filter(case=f"match:{item.uid}", action="confirm").exists()
    assert waiting_copies(match) == []
    undone = selection.pack(dict(states.values_list("uid", "version")))
    client.post(decide, {"verb": "undo", "expected": undone, "apply": "yes"})
    assert not states.filter(state=MatchState.CONFIRMED).exists()


def test_a_clip_of_another_length_is_no_copy_of_a_short_one() -> None:
    match = in_file("two seconds.mp3", None, 0, 2_000)
    copy = in_file("again.mp3", match, 20, 2_020)
    in_file("longer.mp3", match, 0, 2_400)

    assert waiting_copies(match) == [copy]


def test_another_address_than_a_list_leads_back_to_the_queue(client: Client) -> None:
    match = in_file("first.mp4", None, 10_000, 300_000)
    posted = {"verb": "confirm", "expected": selection.pack({match.uid: match.version})}

    for address in ("//elsewhere.example/", "all", "/nowhere/", ""):
        page = client.post(f"{reverse('portal:decide_many')}?list={address}", posted)

        name = "match_list" if address == "all" else "queue"
        assert page.context["back"].split("?")[0] == reverse(f"portal:{name}")
