"""A video has one key, whether its link or its id is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanning.sources.link_keys import link_key, video_key

_ID = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)


@given(_ID)
def test_the_key_of_an_id_is_that_of_its_link(video_id: str) -> None:
    assert video_key(video_id) == link_key(f"https://youtu.be/{video_id}")


@given(st.from_regex(r"[A-Za-z0-9_-]{11}", fullmatch=True))
def test_all_links_to_a_video_have_its_key(video_id: str) -> None:
    for link in (
        f"https://www.youtube.com/watch?v={video_id}&t=4",
        f"https://m.youtube.com/shorts/{video_id}",
        f"https://youtu.be/{video_id}?si=x",
    ):
        assert link_key(link) == video_key(video_id)
