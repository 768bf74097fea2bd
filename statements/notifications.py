"""Tells managers by mail, and a program by webhook, which statements to correct."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.audit.digests import Digest, send_daily
from base.audit.models import Event
from base.common.stored import read_stored
from base.jobs.context import JobContext
from base.jobs.services import submit
from review.approval import APPROVERS
from scanning.services.sending import post_signed
from statements.choices import STANDING
from statements.jobs import STATEMENT_WEBHOOK
from statements.models import Statement
from statements.selectors import differing, list_statements

CASE = "digest:statements"
_NAMED = 3


def remind() -> int:
    """Announce the statements to correct, once a day; count them.

    The event marks the day's digest as done; mail follows if it is enabled.
    """
    return send_daily(_STATEMENTS, is_mailed=settings.ACRPORTAL_STATEMENT_MAIL)


def _rows() -> QuerySet[Statement]:
    return list_statements().order_by("-differs_since", "-pk")


def _as_event(rows: Sequence[Statement]) -> dict[str, object]:
    return {"statements": [row.uid for row in rows]}


def _title(seen: Sequence[Statement]) -> str:
    return ngettext(
        "%(count)d statement to correct", "%(count)d statements to correct", len(seen)
    ) % {"count": len(seen)}


def _intro() -> str:
    return _(
        "These statements were approved or sent, and say something else than the portal "
        "does today. Open a link to correct, keep or withdraw one."
    )


def _entry(row: Statement) -> str:
    seen = differing([row])[row.pk]
    unlisted = row.differs_count - len(seen.texts[:_NAMED])
    lines = [
        f"{row.get_kind_display()}: {row.name}",
        *(f"- {read_stored(text)}" for text in seen.texts[:_NAMED]),
    ]
    if unlisted:
        lines.append(_("… and %(more)d more.") % {"more": unlisted})
    return "\n".join([*lines, f"{settings.ACRPORTAL_BASE_URL}{row.page_url}"])


_STATEMENTS = Digest(
    case=CASE,
    action="statements.differ",
    groups=APPROVERS,
    rows=_rows,
    as_event=_as_event,
    title=_title,
    intro=_intro,
    entry=_entry,
)


def post(statement: Statement, event: Event) -> None:
    """Have the webhook told that a statement differs, or agrees again.

    The body is built once and sent unchanged on every attempt.
    """
    if not settings.ACRPORTAL_STATEMENT_WEBHOOK or statement.state not in STANDING:
        return
    body = {
        "type": event.action,
        "timestamp": event.at.isoformat(),
        "statement": {
            "id": statement.uid,
            "kind": statement.kind,
            "subject": statement.subject,
            "name": statement.name,
            "version": statement.version,
            "state": statement.state,
            "differs_since": statement.differs_since and statement.differs_since.isoformat(),
            "differs_in": [sentence["text"] for sentence in statement.differs_in],
            "differs_count": statement.differs_count,
        },
        "url": f"{settings.ACRPORTAL_BASE_URL}{statement.page_url}",
    }
    message: dict[str, object] = {
        "id": f"{statement.uid}-{event.sequence}",
        "body": json.dumps(body),
    }
    submit(STATEMENT_WEBHOOK, statement, data=message)


def run(context: JobContext) -> None:
    """Try once to send a message; the runner tries again for about a day."""
    message = context.job.data
    post_signed(
        settings.ACRPORTAL_STATEMENT_WEBHOOK,
        str(message["body"]).encode(),
        secret=settings.ACRPORTAL_STATEMENT_WEBHOOK_SECRET,
        message_id=str(message["id"]),
    )
    context.finish()
