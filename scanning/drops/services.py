"""Creates, changes and ends drops; ``scanning.drops.polling`` polls them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited, working_for
from base.common.databases import one_at_a_time, violates
from base.jobs.services import cancel_subject, submit
from scanning.choices import DropAfterwards, DropItemState
from scanning.drops.folder import FolderPlace
from scanning.drops.places import PlaceFailed, check_place, is_bucket, overlap
from scanning.errors import IntakeRefused
from scanning.jobs import DROP_POLL
from scanning.models import Container, Drop, DropFolder, DropItem
from scanning.repeating import change_settings, next_runs, run_soon, switch

# A drop of another place or container is another drop.
_CHANGEABLE = ("name", "every_seconds", "afterwards")


def create_drop(*, drop: Drop, user: User) -> Drop:
    """Create a drop and poll it at once.

    Raise ``IntakeRefused`` if the place is not allowed or overlaps another drop's, and
    ``PermissionDenied`` for people with access limits: folders have none.
    """
    refuse_limited(user)
    drop.place = check_place(drop.place)
    _check_afterwards(drop.place, drop.afterwards)
    drop.created_by = user
    # Two drops in one folder would take each other's files.
    with one_at_a_time("drops"), working_for(None):
        for place in Drop.objects.values_list("place", flat=True):
            if overlap(drop.place, place):
                raise IntakeRefused(
                    "place_taken",
                    _("Another drop already takes the files in %(place)s.") % {"place": place},
                    status=409,
                )
        drop.save()
        submit(DROP_POLL, drop)
        _record(drop, "drop.created", user, _settings(drop))
    return drop


def fault_on_this_machine(drop: Drop) -> str:
    """Return why this machine cannot open the folder of a drop; empty if it can.

    It is no reason to refuse the drop: workers on other machines may have the folder.
    """
    if is_bucket(drop.place):
        return ""
    try:
        FolderPlace(drop.place).close()
    except PlaceFailed as fault:
        return str(fault)
    return ""


def change_drop(*, drop: Drop, columns: Mapping[str, object], user: User) -> None:
    """Change name, interval and what becomes of files, from the next poll on."""
    before = _settings(drop)
    _check_afterwards(drop.place, str(columns["afterwards"]))
    changeable = {name: columns[name] for name in _CHANGEABLE}
    with transaction.atomic():
        change_settings(DROP_POLL, drop, columns=changeable, last_at=drop.last_poll_at)
        _record(drop, "drop.changed", user, _settings(drop), before)


def switch_drop(*, drop: Drop, enabled: bool, user: User) -> None:
    """Pause or resume a drop; after resuming, an overdue poll happens at once."""
    with transaction.atomic():
        switch(DROP_POLL, drop, enabled=enabled)
        action = "drop.resumed" if enabled else "drop.paused"
        _record(drop, action, user, {"enabled": enabled})


def poll_soon(*, drop: Drop, user: User) -> None:
    """Have the worker poll a drop now, regardless of failures."""
    with transaction.atomic():
        run_soon(DROP_POLL, drop, user=user)
        _record(drop, "drop.asked", user, {})


def delete_drop(*, drop: Drop, user: User) -> None:
    """Delete a drop and its history; files in the folder and in the portal stay."""
    with transaction.atomic():
        cancel_subject(DROP_POLL, drop)
        _record(drop, "drop.deleted", user, {}, _settings(drop))
        drop.delete()


def assign_folder(*, drop: Drop, name: str, container: Container, user: User) -> None:
    """Let the files of a subfolder be scanned in a container, from the next poll on.

    Raise ``IntakeRefused`` if the subfolder has a container that the user may not see.
    """
    name = name.strip().strip("/")
    if not name or "/" in name:
        raise IntakeRefused(
            "bad_folder", _("Enter the name of a folder directly in the drop, without '/'.")
        )
    try:
        with transaction.atomic():
            # Rows that the user may not see are not updated, and collide.
            before = DropFolder.objects.filter(drop=drop, name=name).first()
            if before is None:
                DropFolder.objects.create(drop=drop, name=name, container=container)
            else:
                DropFolder.objects.filter(pk=before.pk).update(container=container)
            _record(
                drop,
                "drop.folder_assigned",
                user,
                {"folder": name, "container": container.pk},
                {"container": before.container_id} if before else None,
            )
            run_soon(DROP_POLL, drop, user=user)
    except IntegrityError as error:
        if not violates(error, DropFolder, "drop_folder_once"):
            raise
        raise IntakeRefused(
            "folder_taken", _("Somebody has assigned this subfolder already."), status=409
        ) from error


def release_folder(*, folder: DropFolder, user: User) -> None:
    """Let the files of a subfolder wait until it has a container again."""
    with transaction.atomic():
        before = {"folder": folder.name, "container": folder.container_id}
        _record(folder.drop, "drop.folder_released", user, {}, before)
        folder.delete()


def retry_failed(*, drop: Drop, items: Iterable[DropItem], user: User) -> int:
    """Let failed files that still lie in the drop wait again; return how many."""
    with transaction.atomic():
        rows = DropItem.objects.filter(
            pk__in=[item.pk for item in items], drop=drop, state=DropItemState.FAILED
        )
        if drop.afterwards != DropAfterwards.TAG:
            rows = rows.filter(put_away_at__isnull=True)
        count = rows.update(
            state=DropItemState.WAITING,
            message="",
            steady={},
            ended_at=None,
            put_away_at=None,
            first_seen_at=datetime.now(tz=UTC),
        )
        if count:
            run_soon(DROP_POLL, drop, user=user)
            _record(drop, "drop.retried", user, {"files": count})
    return count


def next_polls(drops: Iterable[Drop]) -> dict[int, datetime]:
    """Return when drops are polled next, by primary key."""
    return next_runs(DROP_POLL, drops)


def _check_afterwards(place: str, afterwards: str) -> None:
    if afterwards == DropAfterwards.TAG and not is_bucket(place):
        raise IntakeRefused(
            "no_tags", _("Files in a folder have no tags. Choose to move or to leave them.")
        )


def _settings(drop: Drop) -> dict[str, object]:
    return {
        "place": drop.place,
        "container": drop.container_id,
        **{name: getattr(drop, name) for name in _CHANGEABLE},
    }


def _record(
    drop: Drop,
    action: str,
    user: User,
    after: dict[str, object],
    before: dict[str, object] | None = None,
) -> None:
    base.audit.services.record(
        case=f"drop:{drop.uid}", action=action, actor=user, before=before, after=after
    )
