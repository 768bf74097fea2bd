"""Weekly reports for tests, and a mail server that receives them."""

from __future__ import annotations

import email
import socketserver
from datetime import UTC, datetime, timedelta
from email.message import Message

import time_machine

from base.accounts.models import User
from base.accounts.roles import Role
from reports import scheduling
from reports.layouts import Layout
from reports.models import ReportSchedule
from reports.models.schedule import Channel, Every
from reports.services import save_template
from tests.factories.accounts import make_user
from tests.fixtures import Worker

MONDAY = datetime(2026, 11, 16, 8, tzinfo=UTC)


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server that stores or refuses its mail."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _MailSession)
        self.messages: list[Message] = []
        self.refuses = False


class _MailSession(socketserver.StreamRequestHandler):
    """One SMTP conversation, as far as our client needs it."""

    server: Mailbox

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                return self._say("221 bye")
            if verb == b"RCPT" and self.server.refuses:
                self._say("550 nobody of this name")
            elif verb == b"DATA":
                self._say("354 go on")
                self.server.messages.append(email.message_from_bytes(self._data()))
                self._say("250 kept")
            else:
                self._say("250 fine")
        return None

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def settings_of(**changes: object) -> ReportSchedule:
    fields: dict[str, object] = {
        "every": Every.WEEK,
        "hour": 8,
        "last_period": False,
        "send_unchanged": False,
        "channel": Channel.EMAIL,
        "recipients": ["legal@example.org", "ana@example.org"],
    }
    return ReportSchedule(**(fields | changes))


def schedule(
    user: User | None = None, layout: Layout | None = None, **changes: object
) -> ReportSchedule:
    owner = user or make_user(Role.REVIEWER)
    template = save_template(name="Weekly usage", layout=layout or Layout(), user=owner)
    with time_machine.travel(MONDAY - timedelta(days=3), tick=False):
        return scheduling.schedule_report(
            schedule=settings_of(template=template, **changes), user=owner
        )


def comes(when: datetime, run_worker: Worker) -> None:
    """Set the clock, and let the worker do the due work: run, then send."""
    with time_machine.travel(when, tick=False):
        run_worker()
