"""yt-dlp's messages are classified and kept verbatim; these are recorded messages."""

from __future__ import annotations

from scanning.sources.link_faults import LinkFault, fault_of_message, fault_of_status, sentence
from scanning.sources.link_keys import plain_link

_MESSAGES: dict[LinkFault, tuple[str, ...]] = {
    LinkFault.GONE: (
        "[youtube] abc: Video unavailable",
        "[youtube] abc: Video unavailable. This video has been removed by the uploader",
        "[youtube] abc: Video unavailable. This video is no longer available because "
        "the YouTube account associated with this video has been terminated.",
        "[TikTok] 71: Video not available, status code 10204",
        "[twitch:vod] 5: Video 5 does not exist",
        "[vimeo] 1: Unable to download webpage: HTTP Error 404: Not Found",
        "[twitter:broadcast] 1: Broadcast no longer exists",
    ),
    LinkFault.PRIVATE: (
        "[youtube] abc: Private video. Sign in if you've been granted access to this "
        "video. Use --cookies-from-browser or --cookies for the authentication.",
        "[twitter] 1: You are not authorized to view this protected tweet. Use "
        "--cookies for the authentication",
        "[youtube] abc: Join this channel to get access to members-only content",
        "[vimeo:event] 1: This event has not been made available to anyone",
    ),
    LinkFault.LOGIN: (
        "[Instagram] C: You need to log in to access this content. Use --cookies",
        "[twitter] 1: NSFW tweet requires authentication",
        "[youtube] abc: Sign in to confirm your age. This video may be inappropriate "
        "for some users.",
        "[facebook] 1: This video is only available for registered users. Use --cookies",
    ),
    LinkFault.GEO: (
        "[youtube] abc: The uploader has not made this video available in your country",
        "[soundcloud] x: This video is not available from your location due to geo restriction",
    ),
    LinkFault.RATE: (
        "[youtube] abc: Unable to download API page: HTTP Error 429: Too Many Requests",
        "[youtube] abc: Sign in to confirm you’re not a bot. Use --cookies",
        "[Instagram] C: Requested content is not available, rate-limit reached or login required.",
        "[TikTok] 71: Your IP address is blocked from accessing this post",
    ),
    LinkFault.UNSUPPORTED: (
        "Unsupported URL: https://x.example/",
        "No suitable extractor (Generic) found for URL https://x",
        "[Instagram] C: There is no video in this post",
        "[x] 1: This video is DRM protected",
    ),
    LinkFault.UNKNOWN: ("[tiktok] 7: Unable to extract challenge data",),
}


def test_recorded_messages_are_told_apart() -> None:
    for kind, messages in _MESSAGES.items():
        for message in messages:
            assert fault_of_message(message) is kind, message
            assert message in sentence(kind, message), message


def test_answers_of_servers_are_told_apart() -> None:
    cases: list[tuple[int | None, LinkFault]] = [
        (404, LinkFault.GONE),
        (410, LinkFault.GONE),
        (401, LinkFault.LOGIN),
        (429, LinkFault.RATE),
        (451, LinkFault.GEO),
        (500, LinkFault.UNKNOWN),
        (None, LinkFault.UNKNOWN),
    ]
    for status, kind in cases:
        assert fault_of_status(status) is kind, status


def test_spellings_of_one_link_are_one() -> None:
    for same in [
        (
            "https://www.youtube.com/watch?v=krP539YBF7U&t=10s&si=x",
            "https://youtu.be/krP539YBF7U?feature=shared",
            "http://m.youtube.com/shorts/krP539YBF7U",
        ),
        ("https://x.com/a/status/1?s=20", "https://twitter.com/a/status/1"),
        ("https://pod.example/e.mp3?utm_source=a#t=5", "http://pod.example/e.mp3"),
        ("https://a.example/x/", "https://A.example:443/x"),
    ]:
        assert len({plain_link(url) for url in same}) == 1, same


def test_parameters_that_name_the_content_keep_links_apart() -> None:
    first, second = (plain_link(f"https://cdn.example/get?file={n}&t={n}") for n in (1, 2))

    assert first != second
