"""Which matches lie in files or are about recordings, for what states something of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q

from audit.standing import StandingStatement
from review.models import Match


def matches_on(cases: Sequence[str]) -> dict[int, list[str]]:
    """Return the files and recordings among the cases on which each match stands."""
    uids: dict[str, list[str]] = {"file": [], "recording": []}
    for case in cases:
        kind, _colon, uid = case.partition(":")
        uids.get(kind, []).append(uid)
    rows = Match.objects.filter(
        Q(scanned_file__uid__in=uids["file"]) | Q(recording__uid__in=uids["recording"])
    )
    wanted = set(cases)
    return {
        key: [
            case
            for case in (f"file:{file}", f"recording:{recording}")
            if case in wanted
        ]
        for key, file, recording in rows.values_list(
            "pk", "scanned_file__uid", "recording__uid"
        )
    }


def by_case(
    grounds: Mapping[int, Sequence[str]],
    statements: Iterable[tuple[int, StandingStatement]],
) -> dict[str, list[StandingStatement]]:
    """Return statements about matches by the cases of ``matches_on``, each once."""
    stated: dict[str, dict[StandingStatement, None]] = {}
    for match, statement in statements:
        for case in grounds[match]:
            stated.setdefault(case, {})[statement] = None
    return {case: list(distinct) for case, distinct in stated.items()}
