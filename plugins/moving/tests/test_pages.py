"""The page and the command of moves: who may, what they show, and what they refuse."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse

from base.accounts.roles import Role
from base.jobs.services import begin_here
from catalogue.models import Bucket
from imports.models import ImportStatus
from plugins.moving.importing.kind import MOVES
from plugins.moving.importing.streams import parts_here
from plugins.moving.models import MovedKind, MoveIn
from plugins.moving.tests.account import TOKEN
from plugins.moving.tests.conftest import Moving, work_off
from scanning.models import CloudAccount, Container
from tests.factories.accounts import confirm
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

FORM = reverse("portal:move_in")


def test_an_admin_moves_an_account_on_its_page(moving: Moving, signed_in: MakeClient) -> None:
    client = signed_in(Role.ADMIN)
    sent = client.post(
        FORM,
        {"account": moving.account.pk, "since": "2026-11-20", "parts": ["recordings", "files"]},
    )
    work_off()
    counted = client.get(sent.url).content.decode()  # type: ignore[attr-defined]  # a redirect
    import_ = MoveIn.objects.get()
    detail, start, switch = (
        reverse(f"portal:move_in_{name}", args=[import_.uid])
        for name in ("detail", "start", "switch")
    )
    for role in (Role.MANAGER, Role.VIEWER):
        other_client = signed_in(role)
        answers = [
            *(other_client.get(FORM), other_client.get(detail), other_client.post(start)),
            other_client.get(reverse("portal:move_in_report_csv", args=[import_.uid])),
        ]
        assert {answer.status_code for answer in answers} == {403}

    # It is paused and goes on.
    client.post(start)
    client.post(switch, {"verb": "pause"})
    import_.refresh_from_db()
    assert import_.status == ImportStatus.REFUSED
    assert "Go on" in client.get(detail).content.decode()
    client.post(switch, {"verb": "go_on"})
    work_off()
    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE

    done = client.get(detail).content.decode()
    table = client.get(reverse("portal:move_in_report_csv", args=[import_.uid]))

    assert "Move everything in" in counted
    assert "3 recordings wait for their audio." in done
    assert "move_live_bucket" in done
    assert "https://team.example/hook" in done
    # Narrow windows show a row as a card. Of all buckets, the live one did not move.
    buckets = done[done.index(">Bucket</th>") :].partition("</tr>")[0]
    labelled = re.findall(r'data-label="([^"]+)">\s*(\d+)<', buckets)
    assert dict(labelled) == {
        "In the account": "3",
        "Moved": "2",
        "Here already": "0",
        "Updated": "0",
        "Not moved": "1",
    }
    assert "Night Drive" in table.getvalue().decode()
    assert TOKEN not in counted + done
    workbook = client.get(reverse("portal:move_in_report_xlsx", args=[import_.uid]))
    assert workbook.status_code == 200

    confirm(client)
    container = Container.objects.get(name="Uploads")
    client.post(reverse("portal:move_in_callback", args=[import_.uid]), {"container": container.pk})

    container.refresh_from_db()
    assert container.callback_url == "https://team.example/hook"


def test_without_an_account_the_page_says_how_to_add_one(signed_in: MakeClient) -> None:
    page = signed_in(Role.ADMIN).get(FORM).content.decode()

    assert "There is no account yet" in page
    assert reverse("admin:scanning_cloudaccount_add") in page
    assert 'name="account"' not in page


def test_the_command_counts_and_moves(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    output, name = StringIO(), moving.admin.username
    monkeypatch.setattr("sys.stdin", StringIO(f"{TOKEN}\n"))

    call_command(
        "move_in",
        "Second",
        username=name,
        dry_run=True,
        token_stdin=True,
        base_url=moving.account.base_url,
        stdout=output,
    )
    assert not CloudAccount.objects.filter(name="Second").exists()
    assert f"{MovedKind.RECORDING.label}: 3\n" in output.getvalue()
    assert not Bucket.objects.filter(name="Songs").exists()
    with pytest.raises(CommandError, match="There is no account Third"):
        call_command("move_in", "Third", username=name)
    with pytest.raises(SystemExit):
        call_command("move_in", "Console", username=name, stdout=output)

    text = output.getvalue()
    assert "Recording: 3 new" in text
    assert "Undo it with" in text
    assert Bucket.objects.filter(name="Songs").exists()


def test_the_command_goes_on_with_a_move_whose_process_was_killed(moving: Moving) -> None:
    killed = moving.look(since=datetime.now(tz=UTC).date())
    killed.status, killed.cursor = ImportStatus.IMPORTING, {"done": ["buckets"]}
    killed.parts = parts_here()
    killed.save()
    begin_here(MOVES.carry_out, killed, user=moving.admin)

    with pytest.raises(CommandError, match="Another process moves this account"):
        _move_by_command(moving)
    moving.there.calls.clear()
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(minutes=5)):
        _move_by_command(moving)

    import_ = MoveIn.objects.get()
    assert (import_.pk, import_.status) == (killed.pk, ImportStatus.DONE)
    # It did not read the list again that was done.
    assert not any("/buckets?" in call for call in moving.there.calls)


def _move_by_command(moving: Moving) -> None:
    call_command("move_in", "Console", username=moving.admin.username, stdout=StringIO())
