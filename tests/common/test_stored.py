"""Sentences that are stored in English, in the language of their reader."""

from __future__ import annotations

import pytest
from django.utils import translation

from base.common.media_analysis import CAUSES, refusal
from base.common.phrases import for_the_record
from base.common.stored import read_stored
from recognition.audio import unreadable
from recognition.errors import TooShort


@pytest.fixture(autouse=True)
def _in_german() -> object:
    with translation.override("de"):
        yield


def test_a_stored_cause_is_read_in_the_language_of_the_page() -> None:
    error = TooShort(seconds=2.25, minimum_s=3)
    with for_the_record():
        stored = str(refusal(error, "ep 1.wav"))

    assert stored.startswith("ep 1.wav has 2.2 s of sound")
    assert read_stored(stored) == str(refusal(error, "ep 1.wav")).replace("2,2", "2.2")


def test_every_reason_why_a_file_gives_no_sound_can_be_translated() -> None:
    reasons = {
        reason
        for name, reason in vars(unreadable).items()
        if name.isupper() and isinstance(reason, str)
    }

    assert len(reasons) > 10
    assert reasons <= set(CAUSES)


def test_sentences_are_found_by_their_english_text() -> None:
    for stored, expected in (
        ("", ""),
        ("Cancelled.", "Abgebrochen."),
        ("ACRCloud: Cancelled.", "ACRCloud: Abgebrochen."),
        (
            "It failed 3 times. The last time: The disk is full.",
            "Der Auftrag schlug 3-mal fehl. Zuletzt: The disk is full.",
        ),
        ("3 declared plays are disputed.", "3 gemeldete Ausstrahlungen sind angefochten."),
        ("Tune: The match is cleared now.", "Tune: Der Treffer ist jetzt freigegeben."),
        ("Tune: The match is released now.", "Tune: Der Treffer ist jetzt aufgegeben."),
        ("“Tune”, 0:01 to 0:02, is new.", "„Tune“, 0:01 bis 0:02, ist neu."),
        (
            "“Tune”, 0:01 to 0:02, reads “50.00 % · Pending”, not “Cleared”.",
            "„Tune“, 0:01 bis 0:02, lautet „50.00 % · Ausstehend“, nicht „Freigegeben“.",
        ),
        (
            "“Open”, 0:01 to 0:02, reads “Close · Pending”, not “Open · Cleared”.",
            "„Open“, 0:01 bis 0:02, lautet „Close · Ausstehend“, nicht „Open · Freigegeben“.",
        ),
        (
            "The check digit of 'T-1' should be 0. The value is left out.",
            "Die Prüfziffer von „T-1“ müsste 0 sein. Der Wert wird weggelassen.",
        ),
        (
            "The same audio is already in Songs, as Tune (T-1). Nothing was added.",
            "Das gleiche Audio ist bereits in Songs, als Tune (T-1). Es wurde nichts hinzugefügt.",
        ),
        # What nobody translated stays as it is.
        *((text, text) for text in ("Invalid access key", "error: 3015: busy", "x.wav")),
    ):
        assert read_stored(stored) == expected

    # A sentence within another is read, too.
    expected = read_stored(
        "Attempt 2 failed: This link is not allowed: the platform took too long."
    )
    assert "platform" not in expected.lower().replace("plattform", "")
    with translation.override("en"):
        assert read_stored("Attempt 2 failed: x") == "Attempt 2 failed: x"
