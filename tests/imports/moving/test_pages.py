"""The page and the command of moves: who may, what they show, and what they refuse."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.roles import Role
from catalogue.models import Bucket
from imports.models import ImportStatus, MovedKind, MoveIn
from imports.moving.kind import MOVES
from imports.moving.streams import parts_here
from jobs.services import begin_here
from scanning.models import CloudAccount, Container
from tests.conftest import MakeClient
from tests.factories.accounts import confirm
from tests.imports.moving.account import TOKEN
from tests.imports.moving.conftest import Moving, work_off

pytestmark = pytest.mark.django_db

FORM = reverse("portal:move_in")


def test_an_admin_moves_an_account_on_its_page(
    moving: Moving, signed_in: MakeClient
) -> None:
    client = signed_in(Role.ADMIN)
    sent = client.post(
        FORM,
        {
            "account": moving.account.pk,
            "since": "2026-11-20",
            "parts": ["recordings", "files"],
        },
    )
    work_off()
    counted = client.get(sent.url).content.decode()  # type: ignore[attr-defined]  # a redirect
    one = MoveIn.objects.get()
    client.post(reverse("portal:move_in_start", args=[one.uid]))
    work_off()

    done = client.get(reverse("portal:move_in_detail", args=[one.uid])).content.decode()
    table = client.get(reverse("portal:move_in_report_csv", args=[one.uid]))

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
    workbook = client.get(reverse("portal:move_in_report_xlsx", args=[one.uid]))
    assert workbook.status_code == 200

    confirm(client)
    container = Container.objects.get(name="Uploads")
    client.post(
        reverse("portal:move_in_callback", args=[one.uid]), {"container": container.pk}
    )

    container.refresh_from_db()
    assert container.callback_url == "https://team.example/hook"


def test_without_an_account_the_page_says_how_to_add_one(signed_in: MakeClient) -> None:
    page = signed_in(Role.ADMIN).get(FORM).content.decode()

    assert "There is no account yet" in page
    assert reverse("admin:scanning_cloudaccount_add") in page
    assert 'name="account"' not in page


def test_a_move_is_paused_and_goes_on(moving: Moving, signed_in: MakeClient) -> None:
    client, one = signed_in(Role.ADMIN), moving.look()
    switch = reverse("portal:move_in_switch", args=[one.uid])
    client.post(reverse("portal:move_in_start", args=[one.uid]))

    client.post(switch, {"verb": "pause"})
    one.refresh_from_db()
    paused, page = (
        one.status,
        client.get(reverse("portal:move_in_detail", args=[one.uid])),
    )
    client.post(switch, {"verb": "go_on"})
    work_off()

    one.refresh_from_db()
    assert paused == ImportStatus.REFUSED
    assert "Go on" in page.content.decode()
    assert one.status == ImportStatus.DONE


@pytest.mark.parametrize("role", [Role.MANAGER, Role.VIEWER])
def test_others_may_not(moving: Moving, signed_in: MakeClient, role: Role) -> None:
    one, client = moving.look(), signed_in(role)

    answers = [
        client.get(FORM),
        client.get(reverse("portal:move_in_detail", args=[one.uid])),
        client.post(reverse("portal:move_in_start", args=[one.uid])),
        client.get(reverse("portal:move_in_report_csv", args=[one.uid])),
    ]

    assert {answer.status_code for answer in answers} == {403}


def test_the_command_counts_and_moves(moving: Moving) -> None:
    output, name = StringIO(), moving.admin.username

    call_command("move_in", "Console", username=name, dry_run=True, stdout=output)
    assert not Bucket.objects.filter(name="Songs").exists()
    with pytest.raises(SystemExit):
        call_command("move_in", "Console", username=name, stdout=output)

    text = output.getvalue()
    assert f"{MovedKind.RECORDING.label}: 3\n" in text
    assert "Recording: 3 new" in text
    assert "Undo it with" in text
    assert Bucket.objects.filter(name="Songs").exists()


def test_the_command_goes_on_with_a_move_whose_process_was_killed(
    moving: Moving,
) -> None:
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

    one = MoveIn.objects.get()
    assert (one.pk, one.status) == (killed.pk, ImportStatus.DONE)
    # It did not read the list again that was done.
    assert not any("/buckets?" in call for call in moving.there.calls)


def _move_by_command(moving: Moving) -> None:
    call_command(
        "move_in", "Console", username=moving.admin.username, stdout=StringIO()
    )


def test_the_command_reads_a_token_from_standard_input(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{TOKEN}\n"))

    call_command(
        "move_in",
        "Second",
        username=moving.admin.username,
        dry_run=True,
        token_stdin=True,
        base_url=moving.account.base_url,
        stdout=StringIO(),
    )

    assert CloudAccount.objects.get(name="Second").base_url == moving.account.base_url
    with pytest.raises(CommandError, match="There is no account Third"):
        call_command("move_in", "Third", username=moving.admin.username)
