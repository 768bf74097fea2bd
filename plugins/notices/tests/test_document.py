"""The document of a notice: every element of the law, the same bytes, nothing cut."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from base.accounts.models import User
from plugins.notices.content import content_of
from plugins.notices.drawing import pdf_of
from plugins.notices.models import NoticeLaw
from plugins.notices.notice_text import as_text, blocks_of, typed_as_asked
from plugins.notices.tests.factories import FILLED_IN, make_claim, make_draft, make_signed
from review.services import exclusions
from tests.seconds import places_of

pytestmark = pytest.mark.django_db

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("law", "name", "label"),
    [
        (NoticeLaw.US_512C, "Mira", "Signed by Mira (account mira) on"),
        (NoticeLaw.EU_DSA16, "", "Signed by the account mira on"),
    ],
)
def test_every_element_of_the_law_is_there(
    law: NoticeLaw, name: str, label: str, reviewer: User, manager: User
) -> None:
    manager.username, manager.first_name, manager.last_name = "mira", name, ""
    manager.save()
    claim = make_claim(reviewer)
    notice = make_signed([claim], reviewer, manager, law=law)
    text = flat(notice.text)
    pack = notice.items.get().pack

    elements = [
        claim.recording.title,
        "https://video.example/v/1",
        "00:01:10-00:01:30",
        FILLED_IN["reasons"],
        FILLED_IN["fair_use"],
        FILLED_IN["contact_name"],
        FILLED_IN["contact_email"],
        FILLED_IN["owner"],
        "audio fingerprinting matched 20 seconds of the recording; a person confirmed",
        # The account that signed stands beside the typed name.
        f"/A. Muster/ {label}",
        notice.reference,
        pack.sha256 if pack else "no pack",
    ]
    if law == NoticeLaw.US_512C:
        elements += [
            "1 Example Street, London",
            FILLED_IN["contact_phone"],
            "is not authorized by the copyright owner, its agent, or the law",
            "under penalty of perjury, I am authorized to act on behalf of the owner",
        ]
    else:
        elements += ["I have a bona fide belief", "accurate and complete"]
    for element in elements:
        assert flat(element) in text
    assert ("penalty of perjury" in text) == (law == NoticeLaw.US_512C)
    assert notice.content["signed_by"] == {"name": name, "username": "mira"}

    # The same content gives the same bytes, whatever the catalogue says since.
    claim.recording.title = "Another name"
    claim.recording.save()
    assert notice.signed_at is not None
    again = pdf_of(content_of(notice), made_at=notice.signed_at)
    assert hashlib.sha256(again).hexdigest() == notice.pdf_sha256
    assert as_text(content_of(notice)) == notice.text


@pytest.mark.soak
@pytest.mark.slow
def test_long_and_strange_texts_are_not_cut(reviewer: User, manager: User) -> None:
    notice = make_signed([make_claim(reviewer)], reviewer, manager)
    words = [f"word{number}" for number in range(400)]
    content: dict[str, Any] = {  # Any: JSON
        **content_of(notice),
        "reasons": " ".join(words) + "\nשלום 日本 🔥 =1+1",
    }
    content["items"] = [{**content["items"][0], "url": "https://video.example/" + "a" * 1900}] * 5

    text, pdf = as_text(content), pdf_of(content, made_at=AT)

    assert all(word in text for word in words)
    assert text.count("a" * 1900) == 5
    assert pdf.startswith(b"%PDF")
    assert pdf == pdf_of(content, made_at=AT)
    assert len([block for block in blocks_of(content) if "material" in block.heading]) == 5


def test_it_states_the_seconds_that_count(reviewer: User, manager: User) -> None:
    claim = make_claim(reviewer)
    exclusions.exclude(
        recording=claim.recording, interval=(0, 10_000), reason="ident", user=manager
    )
    claim.refresh_from_db()
    (stated_ms,) = set(places_of(claim).values())

    (item,) = content_of(make_draft([claim], reviewer))["items"]

    assert 0 < stated_ms < claim.scanned_file.length_ms
    assert item["matched_s"] == round(stated_ms / 1000)


def test_words_are_compared_without_case_and_blanks() -> None:
    for typed, fits in (
        ("I agree", True),
        ("  i  AGREE. ", True),
        ("I agree not", False),
        ("", False),
    ):
        assert typed_as_asked(typed, "I agree") == fits, typed
