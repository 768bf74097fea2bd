"""``manage.py move_in``: moves an account of ACRCloud, or of another portal, in."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError

import base.jobs.clock
from base.accounts.management.finding import find_user
from base.accounts.models import User
from base.common.phrases import count_noun
from base.common.secret_text import seal, unseal
from base.jobs.choices import JobState
from base.jobs.context import JobContext
from base.jobs.errors import Cancelled, Failed, WaitsUntil
from base.jobs.runner import here
from base.jobs.selectors import jobs_of
from base.jobs.services import begin_here, reclaim
from imports.errors import ImportRefused
from imports.models import ImportStatus
from imports.services import make_import
from imports.undoing.noting import HOW_TO_UNDO, noted
from plugins.moving.importing.account_reading import run, seconds_of
from plugins.moving.importing.kind import MOVES
from plugins.moving.importing.selectors import not_moved_by_code, waiting_recordings
from plugins.moving.importing.streams import parts_here
from plugins.moving.importing.summary import MoveSummary
from plugins.moving.models import MovedKind, MoveIn
from scanning.models import CloudAccount
from scanning.services.cloud import save_account


class Command(BaseCommand):
    """Counts what an account holds, or moves it, and prints the counts."""

    help = (
        "Move buckets, recordings, containers, files with results, streams and plays of "
        "an account in. Repeat it to bring what is new; a stopped move goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("account", help="name of the cloud account")
        parser.add_argument("--username", required=True, help="the admin in whose name it moves")
        parser.add_argument(
            "--only", action="append", choices=parts_here(), help="move this part only; repeatable"
        )
        parser.add_argument(
            "--since",
            type=date.fromisoformat,
            default=datetime.now(tz=UTC).date() - timedelta(days=30),
            help="first day of plays, such as 2026-05-02; 30 days ago if not given",
        )
        parser.add_argument("--dry-run", action="store_true", help="only count what is there")
        parser.add_argument(
            "--token-stdin",
            action="store_true",
            help="read the token of a new account from standard input",
        )
        parser.add_argument("--base-url", help="address of the new account's API")
        parser.add_argument("--region", help="region of the new account")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Move the account; exit with status 1 if something did not move."""
        user = find_user(options["username"])
        account = _account(options)
        try:
            if not options["dry_run"]:
                MOVES.refuse(user)
                account = _saved(account, user)
            move = make_import(
                MOVES,
                account=account,
                parts=options["only"] or parts_here(),
                since=options["since"],
                user=user,
            )
            if options["dry_run"]:
                self._print_there(MoveSummary.of(_patiently(move, dry=True)["summary"]))
                return
            self._move(move, user)
        except (ImportRefused, PermissionDenied, Failed) as refused:
            raise CommandError(str(refused)) from refused

    def _move(self, move: MoveIn, user: User) -> None:
        move = _unfinished(move) or move
        move.status = ImportStatus.IMPORTING
        move.save()
        job = begin_here(MOVES.carry_out, move, user=user)
        try:
            with here(job) as context, noted(move.uid):
                context.finish(**_patiently(move, context=context))
        except (KeyboardInterrupt, Cancelled) as error:
            raise CommandError("Stopped. Call it again, and it goes on where it was.") from error
        move.refresh_from_db()
        self._print(move, MoveSummary.of(move.summary))

    def _print_there(self, summary: MoveSummary) -> None:
        for kind, number in summary.there.items():
            self.stdout.write(f"{MovedKind(kind).label}: {number}")
        for fault in summary.faults:
            self.stderr.write(f"{fault['what']}: {fault['message']}")
        minutes = max(1, round(seconds_of(summary.calls) / 60))
        self.stdout.write(
            f"{count_noun(summary.calls, 'call')}, about "
            f"{count_noun(minutes, 'minute')}. Dry run: nothing was written."
        )

    def _print(self, move: MoveIn, summary: MoveSummary) -> None:
        for kind, counts in summary.counts.items():
            text = ", ".join(
                f"{number} {outcome.replace('_', ' ')}" for outcome, number in counts.items()
            )
            self.stdout.write(f"{MovedKind(kind).label}: {text}")
        waiting = waiting_recordings(move).count()
        self.stdout.write(f"{count_noun(waiting, 'recording')} waiting for audio.")
        for fault in summary.faults:
            self.stderr.write(f"{fault['what']}: {fault['message']}")
        for code, number in not_moved_by_code(move):
            self.stderr.write(f"{code}: {number}")
        self.stdout.write(HOW_TO_UNDO % move.uid)
        if summary.refused or summary.faults:
            sys.exit(1)


def _unfinished(move: MoveIn) -> MoveIn | None:
    """Return the move that stopped or whose process died, to go on with it.

    Raises ``CommandError`` while another process moves the account.
    """
    reclaim()
    moves = MoveIn.objects.filter(account=move.account)
    working = list(moves.filter(status=ImportStatus.IMPORTING))
    if jobs_of(MOVES.carry_out, working, [JobState.RUNNING]):
        raise CommandError(
            "Another process moves this account. If that was killed, call this again "
            f"in {settings.ACRPORTAL_LEASE_SECONDS} seconds."
        )
    alike = [candidate for candidate in working if candidate.parts == move.parts]
    stopped = moves.filter(status=ImportStatus.REFUSED, parts=move.parts)
    return next(iter(alike), None) or stopped.exclude(cursor={}).first()


def _account(options: dict[str, Any]) -> CloudAccount:  # Any: Django's own
    """Return the account of a name, or a new one that is not saved."""
    name = options["account"]
    account = CloudAccount.objects.filter(name=name).first()
    if account is not None:
        return account
    if not options["token_stdin"]:
        names = ", ".join(CloudAccount.objects.values_list("name", flat=True)) or "none"
        raise CommandError(
            f"There is no account {name}; there are: {names}. To make it, add "
            "--token-stdin and pass the token on standard input."
        )
    account = CloudAccount(name=name)
    account.base_url = options["base_url"] or account.base_url
    account.region = options["region"] or account.region
    account.clean_fields(exclude=["token_sealed"])
    token = sys.stdin.readline().strip()
    if not token:
        raise CommandError("There is no token on standard input.")
    account.token_sealed = seal(token)
    return account


def _saved(account: CloudAccount, user: User) -> CloudAccount:
    """Save a new account."""
    if not account._state.adding:
        return account
    token = unseal(account.token_sealed)
    return save_account(account=account, token=token, user=user)


def _patiently(
    move: MoveIn, *, context: JobContext | None = None, dry: bool = False
) -> dict[str, Any]:  # Any: columns
    """Move or count, and wait here whenever the account must not be called."""
    report: Callable[[], None] = context.report if context else lambda: None
    while True:
        try:
            return run(move, report, dry=dry)
        except WaitsUntil as waits:
            sys.stderr.write(f"{waits.cause}\n")
            while base.jobs.clock.now() < waits.at:
                report()
                time.sleep(1)
