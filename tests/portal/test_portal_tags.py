"""Template tags and filters: output, locale, and preserved query strings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from web.portal.shared import formats
from web.portal.shared.times import lasting
from web.portal.templatetags import portal_tags as tags


def draw(source: str, query: str = "", **context: Any) -> str:
    request = RequestFactory().get(f"/list/{query}")
    template = Template("{% load portal_tags %}" + source)
    return template.render(Context({"request": request, **context}))


@pytest.mark.parametrize(
    ("ms", "exact", "short", "tenth"),
    [
        (0, "0:00.000", "0:00", "0:00.0"),
        (702_360, "11:42.360", "11:42", "11:42.4"),
        (59_999, "0:59.999", "1:00", "1:00.0"),
        (3_600_000, "1:00:00.000", "1:00:00", "1:00:00.0"),
        (97_200_000, "27:00:00.000", "27:00:00", "27:00:00.0"),
        (None, "–", "–", "–"),
    ],
)
def test_media_times_are_rounded_half_up(
    ms: int | None, exact: str, short: str, tenth: str
) -> None:
    assert (tags.ms_exact(ms), tags.ms_short(ms), tags.ms_tenth(ms)) == (exact, short, tenth)


def test_spoken_time_leaves_out_empty_units() -> None:
    assert tags.ms_spoken(222_000) == "3 min 42 s"
    assert tags.ms_spoken(3_600_000) == "1 h"
    assert tags.ms_spoken(400) == "0 s"


def test_speed_and_pitch_show_their_direction() -> None:
    assert tags.speed_x(1.03) == "1.030×"
    assert [tags.cents(value) for value in (51.2, -49.6, 0.2)] == [
        "+51 cents",
        "−50 cents",
        "±0 cents",
    ]


def test_sizes_use_binary_units() -> None:
    sizes = [tags.filesize_iec(value) for value in (0, 1023, 1536, 2 * 1024**3)]

    assert sizes == ["0 bytes", "1,023 bytes", "1.5 KiB", "2 GiB"]


def test_share_has_one_decimal_and_whole_shares_have_none() -> None:
    assert tags.share_of(329, 1450) == "22.7\u2009%"
    assert tags.share_of(5, 5) == "100\u2009%"
    assert tags.share_of(1, 0) == "–"


def test_numbers_follow_the_locale_but_media_fragments_do_not() -> None:
    with translation.override("de"):
        assert tags.grouped(41_208) == "41.208"
        assert tags.share_of(329, 1450) == "22,7\u2009%"
        assert tags.media_seconds(12_345) == "12.345"


def test_middle_keeps_the_end_of_a_name() -> None:
    name = tags.middle("harbour_" + "x" * 200 + "_1102.wav", 26)

    assert len(name) == 26
    assert name.startswith("harbour_")
    assert name.endswith("1102.wav")


def test_icon_is_hidden_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in draw("{% icon 'check' %}")
    assert 'role="img" aria-label="Done"' in draw("{% icon 'check' label='Done' %}")
    assert "<script>" not in draw("{% icon 'check' label=label %}", label='"><script>')


def test_query_string_keeps_the_other_values() -> None:
    html = draw("{% qs page=3 state=None %}", "?q=a%26b&state=pending&page=2")

    assert html == "?q=a%26b&amp;page=3"


def test_sort_link_turns_around_and_goes_back_to_the_first_page() -> None:
    first = draw("{% sort_link 'name' 'Name' %}", "?q=a&page=4")
    again = draw("{% sort_link 'name' 'Name' %}", "?sort=name")

    assert 'href="?q=a&amp;sort=name"' in first
    assert 'href="?sort=-name"' in again


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?sort=name", 'aria-sort="ascending"'),
        ("?sort=-name", 'aria-sort="descending"'),
        ("?sort=state", ""),
        ("", ""),
    ],
)
def test_sorted_column_says_so(query: str, expected: str) -> None:
    assert draw("{% sort_state 'name' %}", query) == expected


class Filters(forms.Form):
    q = forms.CharField(required=False, label="Name")
    day = forms.DateField(required=False, label="From")
    state = forms.ChoiceField(
        required=False, label="State", choices=[("", "Any"), ("no_match", "No match")]
    )


def chips(query: str) -> list[dict[str, str]]:
    request = RequestFactory().get(f"/list/{query}")
    return tags.filter_chips(Context({"request": request}), Filters(request.GET))


def test_filter_chips_show_words_and_lead_to_the_list_without_each() -> None:
    assert chips("?q=mix&state=no_match&page=2") == [
        {"label": "Name", "value": "mix", "href": "?state=no_match"},
        {"label": "State", "value": "No match", "href": "?q=mix"},
    ]
    # A filter that cannot be read takes no other chip away.
    assert [chip["label"] for chip in chips("?q=mix&state=nonsense")] == ["Name"]
    nobody = Context({"request": RequestFactory().get("/list/")})
    assert tags.filter_chips(nobody, Filters()) == []


def test_the_chip_of_a_date_is_in_the_readers_language() -> None:
    for language, expected in (("en", "7 Sep 2026"), ("de", "7. Sept. 2026")):
        with translation.override(language):
            assert [chip["value"] for chip in chips("?day=2026-09-07")] == [expected]


def test_unknown_state_shows_its_own_name() -> None:
    assert tags.state_label("half_done") == "Half done"
    assert tags.state_icon("confirmed") == "check"
    assert tags.file_state_label("needs_audio") == "Needs audio"
    assert tags.is_active_state("processing")
    assert not tags.is_active_state("ready")


def test_field_names_its_hint_and_error() -> None:
    class Form(forms.Form):
        name = forms.CharField(help_text="As people call it.")
        note = forms.CharField(required=False)

    html = draw("{% field form.name %}{% field form.note %}", form=Form({"name": ""}))

    assert 'aria-invalid="true"' in html
    assert 'id="id_name_helptext"' in html
    assert html.count("(optional)") == 1


def test_mini_ribbon_draws_each_play() -> None:
    plays = [
        SimpleNamespace(start_ms=0, end_ms=500, excluded=()),
        SimpleNamespace(start_ms=900, end_ms=1000, excluded=()),
    ]

    html = draw("{% mini_ribbon 1000 plays 'confirmed' %}", plays=plays)

    assert 'width="50%"' in html
    assert html.count("seg--confirmed") == 1
    assert html.count("<rect x=") == 2
    assert "<svg" in draw("{% mini_ribbon None plays 'pending' %}", plays=[])


def test_week_chart_carries_its_table() -> None:
    week = {"begin": "2026-05-04", "end": "2026-05-10"}
    rows = [
        {"label": "W1", "new": 3, "decided": 1, **week},
        {"label": "W2", "new": 0, "decided": 0, **week},
    ]

    html = draw("{% week_chart rows %}", rows=rows)

    assert "New: 3. Decided: 1. Weeks: 2." in html
    assert '<th scope="row">W2</th>' in html


def test_a_scale_names_its_engine_in_words() -> None:
    for stored, expected in (
        ("0-100:embedded/1", "0–100, Embedded engine 1"),
        ("0-100:acrcloud", "0–100, ACRCloud"),
        ("0-100:another/7", "0–100, another 7"),
        ("none", "none"),
    ):
        assert formats.scale(stored) == expected


def test_release_dates_are_shown_as_people_read_them() -> None:
    for stored, expected in (
        ("2018-05-04", "4 May 2018"),
        ("2018-05", "May 2018"),
        ("2018", "2018"),
        ("2018-13-04", "2018-13-04"),
        ("May 2018", "May 2018"),
        ("", ""),
    ):
        assert tags.released(stored) == expected


def test_cells_of_an_admin_list_are_labelled() -> None:
    headers = [
        {"text": "<input>", "class_attrib": ' class="action-checkbox-column"'},
        {"text": "name & title", "class_attrib": ' class="column-name"'},
    ]
    cells = ['<td class="action-checkbox">x</td>', '<th class="field-name">A</th>']

    assert tags.labelled(cells, headers) == [
        cells[0],
        '<th data-label="Name &amp; title" class="field-name">A</th>',
    ]


def test_a_session_is_named_by_its_browser_and_system() -> None:
    windows = "Mozilla/5.0 (Windows NT 10.0"
    for agent, name in (
        (f"{windows}; Win64) Chrome/140 Safari/537.36 Edg/140", "Edge on Windows"),
        (f"{windows}; rv:143.0) Gecko Firefox/143.0", "Firefox on Windows"),
        (f"{windows}) Chrome/140 Safari/537.36", "Chrome on Windows"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "–"),
    ):
        assert formats.browser(agent) == name


def test_what_is_due_lasts_whole_days() -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    for late, words in (
        (timedelta(minutes=12), "12 minutes"),
        (timedelta(hours=3, minutes=40), "3 hours"),
        (timedelta(days=1, hours=5), "1 day"),
        (timedelta(days=5, hours=1), "5 days"),
        (timedelta(days=13, hours=9), "13 days"),
        (timedelta(days=59), "59 days"),
        (timedelta(days=100), "3 months"),
    ):
        assert lasting(now - late, now).replace("\xa0", " ") == words
