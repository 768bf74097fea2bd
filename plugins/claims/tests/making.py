"""Made-up reports: no id, title or channel is real."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date

from django.core.files.base import ContentFile

from base.accounts.models import User
from base.accounts.roles import Role
from imports.models import ImportStatus
from imports.undoing.noting import noted
from plugins.claims.importing import importer
from plugins.claims.models import ClaimsImport, PlatformAccount
from tests.factories.accounts import make_user

CLAIM = {
    "claim_id": "c1",
    "channel_id": "UC" + "x" * 22,
    "asset_id": "A1",
    "video_id": "vid00000001",
    "claim_status": "ACTIVE",
    "claim_status_detail": "",
    "claim_origin": "AUDIO_MATCH",
    "claim_type": "AUDIO",
    "content_type": "UGC",
    "channel_display_name": "Example channel",
    "video_title": 'Waves | "live", at the pier',
    "views": "1200",
    "claim_policy_monetize": "EVERYWHERE",
    "claim_created_date": "2026/08/14",
    "asset_title": "Harbour lights",
    "custom_id": "",
    "isrc": "",
}
ASSET = {
    "asset_id": "A1",
    "asset_type": "SOUND_RECORDING",
    "custom_id": "",
    "your_isrc": "",
    "display_isrc": "",
    "other_isrc": "",
    "conflicting_owner": "",
    "active_reference_id": "",
}
REFERENCE = {
    "reference_id": "R1",
    "asset_id": "A1",
    "status": "ACTIVE",
    "length_sec": "200",
    "excluded_perc": "",
}
CONFLICT = {
    "asset_id": "A1",
    "custom_id": "",
    "asset_type": "SOUND_RECORDING",
    "conflicting_owner": "Other Music",
    "conflicting_owner_isrc": "",
    "conflicting_country_code": "DE|FR",
    "ownership_last_updated": "2026-10-30",
}
VIDEO = {
    "video_id": "own00000001",
    "channel_id": "UC" + "y" * 22,
    "claim_id": "",
    "asset_id": "",
    "custom_id": "",
    "isrc": "",
    "other_owners_claiming": "",
    "video_privacy_status": "public",
    "video_title": 'Our own "pier" | live',
    "views": "300",
}
OLD_VIDEO = {
    "video_id": "own00000001",
    "claimed_by_another_owner": "No",
    "video_title": "Our own pier",
}
TABLE = {
    "platform": "soundcloud",
    "video_url": "https://soundcloud.com/example/set-1",
    "claim_id": "s1",
    "status": "active",
    "isrc": "",
    "custom_id": "",
    "account": "example",
    "views": "90",
    "claimed_on": "2026-08-14",
    "disputed_on": "",
    "kind": "",
    "other_claimant": "",
    "policy": "",
    "territories": "",
}
DAY = date(2026, 11, 3)


def report(rows: Iterable[Mapping[str, str]], like: Mapping[str, str] = CLAIM) -> bytes:
    """Write a report: the columns of ``like``, with its values where a row has none."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(like))
    writer.writeheader()
    writer.writerows({**like, **row} for row in rows)
    return text.getvalue().encode()


def make_account(name: str = "Example Music", platform: str = "youtube") -> PlatformAccount:
    return PlatformAccount.objects.get_or_create(name=name, platform=platform)[0]


def run_import(
    content: bytes,
    *,
    day: date = DAY,
    account: PlatformAccount | None = None,
    user: User | None = None,
    dry: bool = False,
) -> ClaimsImport:
    """Import a report as a manager, or only check it; return it with its summary."""
    import_ = ClaimsImport(
        account=account or make_account(),
        report_day=day,
        made_by=user or make_user(Role.MANAGER),
        file_name="report.csv",
        status=ImportStatus.CHECKED if dry else ImportStatus.DONE,
    )
    import_.file.save("claims-test.csv", ContentFile(content), save=False)
    import_.save()
    import_.account.refresh_from_db()
    with noted("" if dry else import_.uid):
        columns = importer.run(import_, lambda: None, dry=dry)
    for name, value in columns.items():
        setattr(import_, name, value)
    import_.save()
    return import_


def counts(import_: ClaimsImport) -> dict[str, int]:
    """Return what an import counted, without zeros."""
    names = ("added", "updated", "unchanged", "repeated", "vanished", "refused")
    return {name: import_.summary[name] for name in names if import_.summary[name]}
