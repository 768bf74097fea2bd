"""Notes what the lists stand on and has changed, in the transaction of the change.

Rows of files and recordings are compared by a job within seconds. A change that can
touch everything, such as that of a licence, asks for a full comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from django.db.models import F

from base.accounts.reach import working_for
from base.audit.models import Event
from base.jobs.services import submit
from catalogue.models import Recording
from plugins.claims.jobs import COMPARE, FOLLOW
from plugins.claims.models import GroundChange, PlatformAccount
from review.models import Match
from review.services.transitions import changed_cases
from scanning.models import Scan, ScannedFile

_EVERYTHING: Final = ("licence", "party", "rights_recording", "work", "dedup", "loop")
"""Cases of the audit trail that can touch any claim or match."""
_NAMED: Final = ("file", "recording", "match")


def note_events(events: Iterable[Event], **_signal: object) -> None:
    """Follow events of files, recordings, matches, licences and rights."""
    cases = changed_cases(events)
    concerned = cases.keys() & {*_EVERYTHING, *_NAMED}
    if not concerned or not _is_used():
        return
    if cases.keys() & set(_EVERYTHING):
        want_comparison()
    with working_for(None):
        files = ScannedFile.objects.filter(uid__in=cases.get("file", ()))
        matches = Match.objects.filter(uid__in=cases.get("match", ()))
        recordings = Recording.objects.filter(uid__in=cases.get("recording", ()))
        note(
            files={
                *files.values_list("pk", flat=True),
                *matches.values_list("scanned_file", flat=True),
            },
            recordings=set(recordings.values_list("pk", flat=True)),
        )


def note_recordings(before: Mapping[int, object], **_signal: object) -> None:
    """Follow recordings whose columns changed."""
    if _is_used():
        note(recordings=set(before))


def note_ready(recording: Recording, **_signal: object) -> None:
    """Follow a recording that became searchable."""
    if _is_used():
        note(recordings={recording.pk})


def note_scan(scan: Scan, **_signal: object) -> None:
    """Follow a scan that ended."""
    if _is_used():
        note(files={scan.scanned_file_id})


def note(*, files: Iterable[int] = (), recordings: Iterable[int] = ()) -> None:
    """Have what stands on files and recordings compared again."""
    ground = GroundChange.Ground
    rows = [GroundChange(ground=ground.FILE, subject=pk) for pk in files]
    rows += [GroundChange(ground=ground.RECORDING, subject=pk) for pk in recordings]
    if rows:
        GroundChange.objects.bulk_create(rows)
        submit(FOLLOW, None)


def want_comparison(account: PlatformAccount | None = None) -> None:
    """Have everything of one account compared again, or of all."""
    rows = PlatformAccount.objects.all()
    if account is not None:
        rows = rows.filter(pk=account.pk)
    rows.update(wanted=F("wanted") + 1)
    for row in rows:
        submit(COMPARE, row)


def plan() -> None:
    """Submit the comparisons that are due; each minute, so that none is forgotten."""
    if GroundChange.objects.exists():
        submit(FOLLOW, None)
    for account in PlatformAccount.objects.filter(wanted__gt=F("compared")):
        submit(COMPARE, account)


def plan_daily() -> None:
    """Compare everything: licences and shares begin and end with the calendar."""
    want_comparison()


def _is_used() -> bool:
    return PlatformAccount.objects.exists()
