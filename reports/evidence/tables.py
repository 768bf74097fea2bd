"""The match report of one match inside a pack."""

from __future__ import annotations

from reports.choices import Mode
from reports.layouts import SCHEMAS, Layout
from reports.selectors import rows, selected
from review.models import Match

# Other recordings of the file belong to other cases, and a pack cannot describe itself.
_LEFT_OUT = frozenset({"other_candidates", "evidence_status", "evidence_sha256"})
_FILES = {"match.csv": Mode.MATCH, "segments.csv": Mode.SEGMENT}


def of_match(match: Match) -> dict[str, bytes]:
    """Return the CSV files by name."""
    chosen = selected(matches=Match.objects.filter(pk=match.pk))
    kept = list(rows(chosen=chosen, mode=Mode.MATCH))
    files = {}
    for name, mode in _FILES.items():
        columns = [field.name for field in SCHEMAS[mode].fields]
        layout = Layout(
            mode=mode,
            columns=tuple(each for each in columns if each not in _LEFT_OUT),
        )
        files[name] = b"".join(layout.pieces(kept, {}))
    return files
