"""Hours are scanned as files: no play is counted twice, and none is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalogue import following, index_store
from recognition.match import scan as scan_whole
from review.models import Match
from streams.choices import AirplayState
from streams.models import Airplay, StreamHour
from tests.conftest import Worker
from tests.streams.radio import NOON, Radio, programme

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = 900
# Song 1 at 30 s, song 2 across the cut at 240 s, song 3 across 480 s, song 4 at 600 s.
DAY = (
    (UNKNOWN, 30),
    (1, 45),
    (UNKNOWN + 1, 140),
    (2, 45),
    (UNKNOWN + 2, 190),
    (3, 45),
    (UNKNOWN + 3, 105),
    (4, 45),
    (UNKNOWN + 4, 75),
)


def whole_scan(radio: Radio, *parts: tuple[int, float]) -> list[tuple[str, int, int]]:
    """Return title, begin and end in ms of each play, by one scan of everything."""
    titles = {song.pk: song.title for song in radio.songs}
    buckets = [radio.songs[0].bucket_id]
    with following.searched_index() as (index, _):
        found = scan_whole(
            programme(*parts),
            index=index,
            buckets=buckets,
            references=index_store.references_of(buckets),
        )
    return [(titles[s.recording], s.start_ms, s.end_ms) for s in found.segments]


def test_plays_across_cuts_are_those_of_one_scan(
    radio: Radio, run_worker: Worker
) -> None:
    radio.run("run-1", programme(*DAY))

    radio.settle(NOON + timedelta(hours=1))
    run_worker()

    expected = whole_scan(radio, *DAY)
    plays = list(Airplay.objects.order_by("starts_at"))
    assert len(expected) == 4
    assert [play.recording.title for play in plays] == [title for title, *_ in expected]
    for play, (_, start_ms, end_ms) in zip(plays, expected, strict=True):
        assert play.state == AirplayState.SETTLED
        assert abs(play.start_ms - start_ms) <= 20
        assert abs(play.end_ms - end_ms) <= 20
        assert abs((play.starts_at - NOON) / timedelta(milliseconds=1) - start_ms) <= 70
    assert Match.objects.count() == 4
    hours = StreamHour.objects.all()
    assert [hour.starts_at for hour in hours][1:] == [hour.ends_at for hour in hours][
        :-1
    ]
