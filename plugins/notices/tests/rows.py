"""Rows of a desk for the tests of access."""

from __future__ import annotations

from plugins.notices.models import NoticeItem, NoticeLaw, TakedownNotice
from tests.security.world import Desk


def notice(desk: Desk) -> TakedownNotice:
    notice = desk.row(TakedownNotice, law=NoticeLaw.US_512C, platform="Video Example")
    NoticeItem.objects.get_or_create(
        notice=notice,
        match=desk.match,
        match_uid=desk.match.uid,
        defaults={"url": "https://video.example/1"},
    )
    return notice
