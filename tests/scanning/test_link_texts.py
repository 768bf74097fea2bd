"""Links are found in whatever people paste, and spellings of one item are one link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.accounts.models import User
from scanning.errors import LinkSeen
from scanning.models import ScannedFile
from scanning.services.intake import submit_link
from scanning.services.link_batches import links_of_csv
from scanning.sources import link_items
from scanning.sources.link_items import item_of
from scanning.sources.link_keys import link_key, plain_link
from scanning.sources.link_texts import links_in
from tests.factories.scanning import ContainerFactory

ONE, TWO = "https://youtu.be/aaaaaaaaaaa", "https://youtu.be/bbbbbbbbbbb"
WIKI = "https://en.wikipedia.org/wiki/Foo_(bar)"


@pytest.mark.parametrize(
    ("pasted", "links"),
    [
        (f"{ONE},{TWO}", [ONE, TWO]),
        (f"{ONE};{TWO}", [ONE, TWO]),
        (f"{ONE}{TWO}", [ONE, TWO]),
        (f"{ONE}|{TWO}", [ONE, TWO]),
        ("youtu.be/aaaaaaaaaaa", [ONE]),
        ("youtu.be/aaaaaaaaaaa;youtu.be/bbbbbbbbbbb", [ONE, TWO]),
        (f"see {ONE} and www.example.org/a", [ONE, "https://www.example.org/a"]),
        (f"<{ONE}|youtu.be/aaa…> or <{TWO}>", [ONE, TWO]),
        (f"„{ONE}“ “{TWO}”", [ONE, TWO]),
        (f"«{ONE}» ‹{TWO}›", [ONE, TWO]),
        (f"見て。{ONE}。「{TWO}」", [ONE, TWO]),
        (f"视频{ONE}，很好、{TWO}！", [ONE, TWO]),
        (f"\u200b{ONE}\u200b{TWO}\ufeff", [ONE, TWO]),
        ("https://youtu.be/\u200baaaaaaaaaaa", [ONE]),
        ("https://a.example/?b=1&amp;amp;c=2", ["https://a.example/?b=1&c=2"]),
        (f"[text]({ONE})[{TWO}]({TWO})", [ONE, TWO]),
        (f"<a href=\"{ONE}\">youtu.be/aa…</a> <a href='{TWO}'>x</a>", [ONE, TWO]),
        (f"&lt;a href=&quot;{ONE}&quot;&gt;x&lt;/a&gt;", [ONE]),
        ('<iframe src="//youtu.be/aaaaaaaaaaa"></iframe>', [ONE]),
        (f'=HYPERLINK("{ONE}";"Title")', [ONE]),
        (f'=HYPERLINK("{ONE}","Title")', [ONE]),
        ('{"url": "https:\\/\\/youtu.be\\/aaaaaaaaaaa"}', [ONE]),
        (f"({WIKI}).", [WIKI]),
        (f"{WIKI}, {ONE}...", [WIKI, ONE]),
        (f"**{ONE}** '{TWO}'", [ONE, TWO]),
        (f"[[{ONE}|name]]", [ONE]),
        ("https://a.example/l'été-2,3.html", ["https://a.example/l'été-2,3.html"]),
        ("https://a.example/?u=https://b.example/", ["https://a.example/?u=https://b.example"]),
        ("me@example.com/x and/or Mr.Smith/Jones", []),
        ("https://", []),
    ],
)
def test_links_are_found_in_what_people_paste(pasted: str, links: list[str]) -> None:
    assert [link.rstrip("/") for link in links_in(pasted)] == links


@given(st.text())
def test_any_text_has_links_or_none(text: str) -> None:
    assert all("://" in link for link in links_in(text))


SPELLINGS = {
    "youtube:dQw4w9WgXcQ": """
        https://www.youtube.com/watch?v=dQw4w9WgXcQ youtu.be/dQw4w9WgXcQ?si=abc
        https://m.youtube.com/watch?v=dQw4w9WgXcQ&feature=youtu.be
        https://music.youtube.com/watch?v=dQw4w9WgXcQ&list=RDAMVM
        https://youtube.com/shorts/dQw4w9WgXcQ?feature=share
        https://youtube.com/live/dQw4w9WgXcQ https://www.youtube.com/embed/dQw4w9WgXcQ
        https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?start=3
        https://www.youtube.com/attribution_link?u=%2Fwatch%3Fv%3DdQw4w9WgXcQ%26a%3Db
        https://www.youtube.com/watch?list=PL1&v=dQw4w9WgXcQ
        https://consent.youtube.com/m?continue=https%3A%2F%2Fyoutu.be%2FdQw4w9WgXcQ
        https://www.google.com/url?q=https%3A%2F%2Fyoutu.be%2FdQw4w9WgXcQ&sa=U
        https://youtu.be/dQw4w9WgXcQ#t=30 https://www.youtube.com//watch?v=dQw4w9WgXcQ""",
    "tiktok:7000000000000000001": """
        https://www.tiktok.com/@user/video/7000000000000000001?_r=1&_t=ZS-8abcDEF
        https://m.tiktok.com/@other/video/7000000000000000001
        https://www.tiktok.com/embed/v2/7000000000000000001
        https://m.tiktok.com/v/7000000000000000001.html""",
    "twitter:1234567890": """
        https://x.com/i/status/1234567890 https://x.com/i/web/status/1234567890
        https://twitter.com/SomeOne/status/1234567890/video/1
        https://mobile.twitter.com/someone/status/1234567890?s=20""",
    "twitter:1234567890#2": "https://x.com/a/status/1234567890/video/2",
    "instagram:CabcDEFghij": """
        https://www.instagram.com/reel/CabcDEFghij/ https://instagram.com/tv/CabcDEFghij
        https://www.instagram.com/reels/CabcDEFghij/?igsi=azBr
        https://www.instagram.com/user/p/CabcDEFghij/ https://instagr.am/p/CabcDEFghij
        https://www.instagram.com/p/CabcDEFghij/embed/""",
    "facebook:1234567890": """
        https://www.facebook.com/watch/?v=1234567890&mibextid=Nif5oz
        https://m.facebook.com/watch/?v=1234567890 https://fb.com/watch/?v=1234567890
        https://www.facebook.com/somepage/videos/a-title/1234567890/
        https://www.facebook.com/reel/1234567890
        https://l.facebook.com/l.php?u=https%3A%2F%2Ffacebook.com%2Freel%2F1234567890""",
    "twitch:123456789": """
        https://www.twitch.tv/videos/123456789?t=1h2m3s
        https://www.twitch.tv/someone/video/123456789
        https://player.twitch.tv/?video=v123456789&parent=x""",
    "vimeo:76979871": """
        https://vimeo.com/76979871/abcdef1234 https://vimeo.com/channels/a/76979871
        https://player.vimeo.com/video/76979871?h=abcdef1234""",
    "soundcloud:some-artist_a-track": """
        https://soundcloud.com/Some-Artist/a-track?si=abc&utm_source=clipboard
        https://m.soundcloud.com/some-artist/a-track/
        https://w.soundcloud.com/player/?url=https%3A//soundcloud.com/some-artist/a-track""",
    "dailymotion:x8abcde": """
        https://dai.ly/x8abcde https://www.dailymotion.com/embed/video/x8abcde?autoplay=1
        https://geo.dailymotion.com/player.html?video=x8abcde""",
    "bilibili:BV_1xx411c7mD": """
        https://www.bilibili.com/video/BV1xx411c7mD/?p=1&spm_id_from=333
        https://player.bilibili.com/player.html?bvid=BV1xx411c7mD&page=1""",
    "fb.watch/abcDEF": "https://fb.watch/abcDEF/?mibextid=1 https://fb.watch/abcDEF",
}


@pytest.mark.parametrize(("item", "links"), SPELLINGS.items())
def test_spellings_of_an_item_are_one_link(item: str, links: str) -> None:
    plain_links = {link: plain_link(link) for word in links.split() for link in links_in(word)}

    assert plain_links == dict.fromkeys(plain_links, item)


def test_other_items_stay_other_links() -> None:
    for first, second in (
        ("https://www.bilibili.com/video/BV1xx?p=1", "https://www.bilibili.com/video/BV1xx?p=2"),
        ("https://a.bandcamp.com/track/song", "https://b.bandcamp.com/track/song"),
        ("https://streamable.com/o/one", "https://streamable.com/o/two"),
        ("https://t.me/c/123/456", "https://t.me/c/123/457"),
        ("https://a.example/?id=1", "https://a.example/?id=2"),
        ("https://www.youtube.com/playlist?list=A", "https://www.youtube.com/playlist?list=B"),
        ("https://soundcloud.com/a/one", "https://soundcloud.com/b/one"),
    ):
        assert link_key(first) != link_key(second), first


@given(st.text() | st.text().map(lambda text: f"https://youtu.be/{text}"))
def test_any_text_has_a_key(text: str) -> None:
    assert len(link_key(text)) == 64


def test_the_installed_reader_has_the_patterns_of_all_platforms() -> None:
    names = {name for readers in link_items._READERS.values() for name in readers}

    assert names == link_items._patterns().keys()


@pytest.mark.django_db
def test_an_item_is_submitted_once_however_it_is_spelled(admin: User) -> None:
    container = ContainerFactory.create()
    first = submit_link(container=container, url="https://x.com/a/status/1234567890", user=admin)

    with pytest.raises(LinkSeen) as seen:
        submit_link(
            container=container,
            url="https://twitter.com/i/status/1234567890?s=20",
            user=admin,
            scan_again=False,
        )

    assert seen.value.earlier == first
    assert ScannedFile.objects.count() == 1
    item = item_of(first.source_url)
    assert item is not None
    assert item.platform == "twitter"


@pytest.mark.parametrize(
    "content",
    [
        f"Datum;Video URL;Titel\n01.11.2026;{ONE};A\n",
        f"date\tpermalink\ttitle\n2026-11-01\t{ONE}\tA\n",
        f"Thumbnail URL,VideoURL,Title\nhttps://i.example/a.jpg,{ONE},A\n",
        f"Lien,Titre\n{ONE},A\n",
        f"Client,Adresse\nA,{ONE}\n",
        f'Name;Link\nA;"=HYPERLINK(""{ONE}"";""A"")"\n',
        f"Name,Links\nA,{ONE.removeprefix('https://')}\n",
    ],
)
def test_a_column_of_links_is_known_by_a_word_in_its_name(content: str) -> None:
    assert [link.url for link in links_of_csv(content.encode())] == [ONE]
