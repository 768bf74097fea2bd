"""Dates and numbers in the form of each language."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import date_format

from base.common.reading import count_words, read_date, read_number, read_week
from review.choices import Verb
from review.decisions.verbs import RULES

MONDAY = date(2026, 11, 23)


def test_each_language_has_its_own_form_of_a_date() -> None:
    for language, *expected in (
        ("en", "Monday 23 November", "23 November", "23 Nov", "W48"),
        ("de", "Montag, 23. November", "23. November", "23. Nov.", "KW 48"),
        ("fr", "lundi 23 novembre", "23 novembre", "23 nov.", "sem. 48"),
        ("es", "lunes 23 de noviembre", "23 de noviembre", "23 nov", "sem. 48"),
    ):
        with translation.override(language):
            forms = [read_date(MONDAY, form) for form in ("weekday", "day", "short")]
            assert [*forms, read_week(MONDAY)] == expected

    at = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    with timezone.override("Asia/Tokyo"):
        assert read_date(at, "moment") == "24 Nov 2026 05:00 JST"
    # The admin writes dates as the pages do.
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            assert date_format(at, "DATETIME_FORMAT") == read_date(at, "moment")
            assert date_format(MONDAY, "DATE_FORMAT") == read_date(MONDAY, "dated")


def test_numbers_have_the_point_of_the_language_and_agree_with_words() -> None:
    for language, text in (("en", "12,345.7"), ("de", "12.345,7")):
        with translation.override(language):
            assert read_number(12345.678, decimals=1) == text

    words = RULES[Verb.CONFIRM].done
    for language, *expected in (
        ("en", "1 match confirmed", "1,200 matches confirmed"),
        ("fr", "1 correspondance confirmée", "1 200 correspondances confirmées"),
        ("es", "1 coincidencia confirmada", "1 200 coincidencias confirmadas"),
    ):
        with translation.override(language):
            counted = [count_words(words, count) for count in (1, 1200)]
        spaced = [text.replace("\u202f", " ").replace("\xa0", " ") for text in counted]
        assert spaced == expected
