"""What a server may say of one file: as many recordings as a file can hold, no more."""

from __future__ import annotations

import pytest

from scanning.engines import acrcloud_recordings
from scanning.engines.acrcloud_recordings import engine_result

pytestmark = pytest.mark.django_db


def test_a_result_of_endless_recordings_is_cut_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(acrcloud_recordings, "MOST_RECORDINGS", 3)
    entries = [
        {
            "offset": number,
            "played_duration": 5,
            "result": {"acrid": f"{number // 2:032x}", "title": f"Song {number // 2}"},
        }
        for number in range(10)
    ]

    cut = engine_result({"music": entries}, "ab" * 32)
    whole = engine_result({"music": entries[:6]}, "ab" * 32)

    # Two entries of one recording are two of its segments.
    assert [len(recording.segments) for recording in cut.found] == [2, 2, 2]
    assert cut.warnings == (
        "ACRCloud named 5 recordings in this file. Only the first 3 were kept.",
    )
    assert (len(whole.found), whole.warnings) == (3, ())
