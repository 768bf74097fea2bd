"""What was read in accounts that move in, and what became of it."""

from __future__ import annotations

from django.db.models import Count, QuerySet
from django.db.models.functions import Substr

from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Recording, RecordingStatus
from plugins.moving.models import Moved, MovedKind, MovedOutcome, MoveIn
from scanning.models import Container

_RECORDING = "recording:"


def moved_of(move: MoveIn) -> QuerySet[Moved]:
    """Return everything that was read in the account, in any move."""
    return Moved.objects.filter(account=move.account)


def not_moved_by_code(move: MoveIn) -> list[tuple[str, int]]:
    """Return how many objects have each code, the most frequent first."""
    rows = not_moved(move).order_by().values_list("code")
    return sorted(rows.annotate(n=Count("pk")), key=lambda row: (-row[1], row[0]))


def not_moved(move: MoveIn) -> QuerySet[Moved]:
    """Return what did not move, and what moved with a remark."""
    # Not exclude(): only a range of codes is read from the index alone.
    return moved_of(move).filter(code__gt="").order_by("code", "kind", "pk")


def waiting_recordings(move: MoveIn) -> QuerySet[Recording]:
    """Return the recordings of the account that wait for their audio."""
    cases = moved_of(move).filter(case__startswith=_RECORDING).order_by()
    uids = cases.annotate(uid=Substr("case", len(_RECORDING) + 1)).values("uid")
    stubs = Recording.objects.filter(status=RecordingStatus.STUB, uid__in=uids)
    return stubs.exclude(bucket=ACRCLOUD_MUSIC_BUCKET_ID)


def callbacks_to_take_over(move: MoveIn) -> list[tuple[Moved, Container]]:
    """Return moved containers whose results still go out from the account only."""
    rows = moved_of(move).filter(kind=MovedKind.CONTAINER).exclude(callback_url="")
    moved_by_key = {
        int(row.case.partition(":")[2]): row
        for row in rows.exclude(outcome=MovedOutcome.NOT_MOVED)
        if row.case
    }
    silent = Container.objects.present().filter(pk__in=moved_by_key, callback_url="")
    return [(moved_by_key[container.pk], container) for container in silent]
