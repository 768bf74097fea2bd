"""Tells whether a match's file or recording has changed in what rules read of it.

The events of files and recordings say so, also where the rules gave the same answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q

from base.audit.models import Event
from review.models import Match
from scanning.tags import territories_of

# Names in events of recordings: a move keeps the bucket, a change its columns.
_OF_RECORDINGS = ("bucket", "bucket_id", "label")
_AIRED = "file.aired_changed"
# People said what is heard in the file.
_SAID = ("cue_sheet.entered", "cue_sheet.entry_removed")
_CHANGES = (*(_AIRED, "file.details_changed", "recording.changed", "recording.moved"), *_SAID)
# Events of duplicates that join or part recordings; each has the rows of all of them.
_JOINS = ("dedup.merge", "dedup.split", "dedup.undo")
# Licences for a merged recording also cover the one that stays.
_OF_JOINS = ("label", "merged_into")


def changed_since(events: Iterable[Event]) -> set[str]:
    """Return the cases of those events of matches after which such facts changed."""
    since = {event.case: event.pk for event in events}
    if not since:
        return set()
    uids = [case.removeprefix("match:") for case in since]
    # Access limits do not count, because rules act on all matches.
    rows = Match._base_manager.filter(uid__in=uids).values_list(
        "uid", "scanned_file__uid", "recording__uid"
    )
    about: dict[str, list[str]] = defaultdict(list)
    for uid, file, recording in rows:
        about[f"file:{file}"].append(f"match:{uid}")
        about[f"recording:{recording}"].append(f"match:{uid}")
    changes = Event.objects.filter(
        Q(case__in=about, action__in=_CHANGES) | Q(action__in=_JOINS), pk__gt=min(since.values())
    )
    return {
        case
        for change in changes
        for subject in _changed_by(change)
        for case in about.get(subject, ())
        if change.pk > since[case]
    }


def _changed_by(change: Event) -> Iterable[str]:
    """Return the cases of the files and recordings of which rules read a change."""
    if change.action not in _JOINS:
        return [change.case] if _is_read_by_rules(change) else []
    before, after = (snapshot["recordings"] for snapshot in (change.before, change.after))
    if all(before[uid][name] == after[uid][name] for uid in after for name in _OF_JOINS):
        return []
    return [f"recording:{uid}" for uid in after]


def _is_read_by_rules(change: Event) -> bool:
    """Return whether a change concerns what policies or licences can read."""
    if change.action in (_AIRED, *_SAID):
        return True
    before, after = change.before, change.after
    names = {name for name in after if before.get(name) != after[name]}
    if change.action != "file.details_changed":
        return not names.isdisjoint(_OF_RECORDINGS)
    # Of the tags, rules read the territories.
    territories = [set(territories_of(snapshot.get("tags", []))) for snapshot in (before, after)]
    return names != {"tags"} or territories[0] != territories[1]
