"""Rows of a desk for the tests of access."""

from __future__ import annotations

from datetime import UTC, date, datetime

from imports.models import ImportStatus
from plugins.moving.models import EngineTrial, MoveIn, TrialFile, TrialKind, TrialRow
from scanning.models import CloudAccount
from tests.security.world import Desk


def move_in(desk: Desk) -> MoveIn:
    account, _made = CloudAccount.objects.get_or_create(
        name="Moves in", defaults={"base_url": "http://127.0.0.1:9/"}
    )
    return desk.row(
        MoveIn,
        account=account,
        file_name=account.name,
        since=date(2026, 5, 1),
        status=ImportStatus.REFUSED,
        made_by=desk.user,
    )


def trial_row(desk: Desk) -> TrialRow:
    account, _made = CloudAccount.objects.get_or_create(
        name="Beside", defaults={"base_url": "http://127.0.0.1:9/"}
    )
    trial, _made = EngineTrial.objects.get_or_create(
        account=account,
        defaults={
            "begins_at": datetime(2026, 5, 1, tzinfo=UTC),
            "ends_at": datetime(2026, 5, 29, tzinfo=UTC),
        },
    )
    scan = desk.match.scan
    file, _made = TrialFile.objects.get_or_create(
        trial=trial,
        scanned_file=desk.file,
        defaults={"our_scan": scan, "their_scan": scan, "duration_ms": 1000},
    )
    row, _made = TrialRow.objects.get_or_create(
        file=file,
        recording=desk.recording,
        defaults={
            "kind": TrialKind.ONLY_OURS,
            "our_start_ms": 0,
            "our_end_ms": 1000,
            "reference_start_ms": 0,
            "draw": 1,
            "sampled": True,
        },
    )
    return row
