"""Public identifiers."""

from __future__ import annotations

from base.common.uid import new_uid


def test_uids_are_unique_and_sorted_by_time() -> None:
    made = [new_uid("m") for _ in range(2000)]

    assert len(set(made)) == len(made)
    assert [uid[:12] for uid in made] == sorted(uid[:12] for uid in made)
