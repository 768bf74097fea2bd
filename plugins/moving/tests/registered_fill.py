"""Rows of this capability for the browser's tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.urls import reverse

from base.accounts.models import User
from catalogue.models import Recording
from imports.models import ImportStatus
from plugins.moving.models import (
    EngineTrial,
    Moved,
    MovedKind,
    MovedOutcome,
    MoveIn,
    TrialFile,
    TrialKind,
    TrialRow,
)
from review.models import Match
from scanning.models import CloudAccount, Container
from tests.e2e.fill.every import MORE


def add_move_in(user: User) -> list[str]:
    """Make a move of an account that is done, and return its page."""
    account, _made = CloudAccount.objects.get_or_create(
        name="Console", defaults={"token_sealed": "-"}
    )
    container = Container.objects.present().order_by("pk")[0]
    Moved.objects.create(
        account=account,
        kind=MovedKind.BUCKET,
        remote_id="8883",
        name="Radio",
        outcome=MovedOutcome.NOT_MOVED,
        code="move_live_bucket",
        text="Buckets of the type Live are not moved.",
    )
    Moved.objects.create(
        account=account,
        kind=MovedKind.CONTAINER,
        remote_id="77",
        name=container.name,
        case=f"container:{container.pk}",
        outcome=MovedOutcome.NEW,
        callback_url="https://team.example/hook",
    )
    import_ = MoveIn.objects.create(
        account=account,
        file_name=account.name,
        since=date(2026, 5, 1),
        status=ImportStatus.DONE,
        made_by=user,
        summary={
            "there": {"bucket": 2, "recording": 1204, "file": 360},
            "calls": 80,
            "counts": {"bucket": {"new": 1, "not_moved": 1}, "recording": {"new": 1200, "same": 4}},
            "faults": [{"what": "bm-cs-projects", "message": "Not found."}],
            "refused": 1,
        },
    )
    return [reverse("portal:move_in_detail", args=[import_.uid])]


def add_trial(user: User) -> list[str]:
    """Make a trial that compared a file, and return its pages."""
    match = Match.objects.order_by("pk")[0]
    now = datetime.now(tz=UTC)
    trial = EngineTrial.objects.create(
        account=CloudAccount.objects.get(name="Console"),
        begins_at=now - timedelta(weeks=1),
        ends_at=now + timedelta(weeks=3),
        compared_at=now,
        price_per_hour=Decimal("2.50"),
        currency="EUR",
        made_by=user,
    )
    trial.containers.add(match.scanned_file.container)
    file = TrialFile.objects.create(
        trial=trial,
        scanned_file=match.scanned_file,
        our_scan=match.scan,
        their_scan=match.scan,
        duration_ms=match.scanned_file.length_ms,
    )
    for number, judged in enumerate(("", "heard")):
        TrialRow.objects.create(
            file=file,
            recording=Recording.objects.order_by("pk")[number],
            match=match,
            kind=TrialKind.ONLY_THEIRS,
            their_start_ms=1_000,
            their_end_ms=9_000,
            reference_start_ms=0,
            draw=number,
            sampled=True,
            judged=judged,
            judged_by=user if judged else None,
            judged_at=now if judged else None,
        )
    return [
        reverse("portal:trial_list"),
        trial.url,
        reverse("portal:trial_judge", args=[trial.uid]),
        reverse("portal:trial_end", args=[trial.uid]),
    ]


MORE.register({"move in": add_move_in, "trials": add_trial})
