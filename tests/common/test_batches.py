"""Cutting what comes into lists."""

from __future__ import annotations

from base.common.batches import batched


def test_the_last_list_has_what_is_left() -> None:
    assert list(batched(iter("abcde"), 2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(batched([], 2)) == []
