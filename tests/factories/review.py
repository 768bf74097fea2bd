"""Matches, folded from a scan by the product's own code."""

from __future__ import annotations

from typing import Any

from review.choices import MatchState
from review.models import Match
from review.services.folding import fold_scan
from review.timeline.figures import refresh
from tests.factories.scanning import make_detection

DEFAULT_INTERVAL = (70_000, 90_000, 5_000, 25_000)


def make_match(
    *intervals: tuple[int, int, int, int],
    state: str | None = None,
    segment: dict[str, object] | None = None,
    match: dict[str, object] | None = None,
    **detection_fields: Any,  # Any: columns
) -> Match:
    """Return a pending match with a segment per (start, end, ref start, ref end).

    ``match`` and ``state`` overwrite columns afterwards, without events: use them for
    lists and reports, not for tests of decisions.
    """
    detection = make_detection(
        *(intervals or (DEFAULT_INTERVAL,)), segment=segment, **detection_fields
    )
    fold_scan(scan=detection.scan)
    folded = Match.objects.get(scan=detection.scan, recording=detection.recording)
    columns = dict(match or {})
    if state is not None:
        columns["state"] = state
    if columns.get("state") == MatchState.REJECTED:
        columns.setdefault("decision_reason", "noise")
    if columns:
        Match.objects.filter(pk=folded.pk).update(**columns)
        refresh([folded.scanned_file_id])
        folded.refresh_from_db()
    return folded
