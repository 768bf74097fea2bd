"""Changes what people say about a file: where, when and by whom it was used."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from django.db import transaction

import audit.services
from accounts.models import User
from scanning.models import ScannedFile
from scanning.services.intake import FileDetails


def details_of(file: ScannedFile) -> FileDetails:
    """Return the details that a file has now."""
    return FileDetails(
        programme=file.programme,
        account=file.account,
        external_id=file.external_id,
        platform=file.platform,
        published_at=file.published_at,
        tags=[str(tag) for tag in file.tags],
    )


@transaction.atomic
def change_details(
    *, scanned_file: ScannedFile, details: FileDetails, user: User
) -> bool:
    """Store the details with an event; return whether any of them changed."""
    current = ScannedFile.objects.select_for_update(of=("self",)).get(
        pk=scanned_file.pk
    )
    before, after = asdict(details_of(current)), asdict(details)
    changed = [name for name in after if after[name] != before[name]]
    if not changed:
        return False
    for name in changed:
        setattr(current, name, after[name])
    current.save(update_fields=[*changed, "updated_at"])
    audit.services.record(
        case=f"file:{current.uid}",
        action="file.details_changed",
        actor=user,
        before={name: _told(before[name]) for name in changed},
        after={name: _told(after[name]) for name in changed},
    )
    return True


def _told(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
