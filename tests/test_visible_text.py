"""The search for raw codes finds each kind, and ignores prose and names."""

from __future__ import annotations

import pytest

from tests.visible_text import faults_in, visible_text


@pytest.mark.parametrize(
    "html",
    [
        "<p>Reason: public_domain</p>",
        "<p>Excluded as shared_loop.</p>",
        "<td>licence:LIC-2</td>",
        "<li>by <strong>command:run_demo</strong></li>",
        "<dd>WAV, PCM_S16LE</dd>",
        "<dd>MP3FLOAT, 44.1 kHz</dd>",
        "<dd>upheld · upheld</dd>",
        "<td>misidentified</td>",
        "<p>Due: None</p>",
        "<p>{{ match.title }}</p>",
        "<p>{% if x %}</p>",
        "<p>%(count)s files</p>",
        "<p>{name} is too large</p>",
        "<td>True</td>",
        "<p>&lt;Match object at 0x7f&gt;</p>",
        '<svg aria-label="state: in_review"></svg>',
        '<input placeholder="url_prefix">',
        '<input type="submit" value="report_run">',
        "<select><option>stated_reason</option></select>",
    ],
)
def test_a_raw_code_is_found(html: str) -> None:
    assert faults_in(html)


@pytest.mark.parametrize(
    "html",
    [
        "<p>Upheld by ana</p>",
        "<p><b>3</b> <span>open</span></p>",
        "<p>None of them is ours.</p>",
        "<script>let a_b = '{{'</script><style>.a_b{}</style>",
        "<p>Column <code>match_found</code></p>",
        "<pre>{'a_b': None}</pre>",
        '<p translate="no">my_song</p><p>m_01J9Z6W0K401J9Z6W0K4</p>',
        "<p>autumn_delivery.csv, https://example.org/a_b, 12:30</p>",
        '<a href="/x?reason=shared_loop" data-code="shared_loop">Shared loop</a>',
        '<input name="account_id" value="shared_loop">',
        "<p>after <code>x</code></p>",
        "<p><code>x</code> upheld</p>",
    ],
)
def test_words_and_names_are_no_codes(html: str) -> None:
    assert faults_in(html) == []


def test_a_block_is_read_as_one_piece() -> None:
    html = "<div><p>Two <b>files</b>\n wait.</p><script>no</script><p>Now</p></div>"

    assert visible_text(html) == "Two files wait.\nNow"
