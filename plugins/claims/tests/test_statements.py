"""What files for platforms state, and when that does not stand as it was written."""

from __future__ import annotations

import pytest

from base.accounts.roles import Role
from base.audit.standing import standing_on
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.claims import services
from plugins.claims.choices import FileKind, RowAnswer
from plugins.claims.files import mark_sent, unmark_sent
from plugins.claims.models import ClaimFileRow, Discrepancy
from plugins.claims.statement import CLAIM_FILE
from plugins.claims.tests import rows
from plugins.claims.tests.making import report, run_import
from plugins.claims.tests.test_files import make
from plugins.claims.tests.test_lists import NEXT, claim, compare, heard
from review.models import Match
from statements.choices import label_of
from statements.models import Statement
from statements.selectors import marks_of_matches
from tests.factories.accounts import make_user
from tests.security.world import Desk

pytestmark = pytest.mark.django_db


def compared() -> Statement:
    """Return the statement of the only file as the worker has compared it."""
    compare()
    while run_next(Pool.WORK):
        pass
    return Statement.objects.get()


def test_a_sent_file_differs_only_where_an_entry_does_not_stand_any_more() -> None:
    matches = [heard(number, "rejected") for number in range(1, 6)]
    run_import(report([claim(number) for number in range(1, 6)]))
    compare()
    claim_file = make(FileKind.RELEASES, "not_heard")
    manager = make_user(Role.MANAGER)
    mark_sent(file=claim_file, user=manager)
    assert compared().differs_count == 0

    # The platform released the first claim, and has answered the second row.
    run_import(report([claim(number) for number in range(2, 6)]), day=NEXT)
    of_match = ClaimFileRow.objects.filter(discrepancy__match=matches[1])
    of_match.update(answer=RowAnswer.SUCCESSFUL)
    Match.objects.filter(pk__in=[matches[1].pk, matches[2].pk]).update(state="confirmed")
    dismissed = Discrepancy.objects.get(match=matches[3])
    services.dismiss(revisions={dismissed.uid: dismissed.revision}, note_text="ours", user=manager)

    statement = compared()
    changed = {difference["match"]: difference["text"] for difference in statement.differs_in}
    assert set(changed) == {matches[2].uid, matches[3].uid}
    assert "decided otherwise" in changed[matches[2].uid]
    assert "dismissed" in changed[matches[3].uid]
    matches[2].refresh_from_db()
    (mark,) = marks_of_matches([matches[2]])[matches[2].uid]
    assert (mark.then, mark.now, len(mark.changes)) == ("rejected", "confirmed", 1)
    assert mark.url == f"/claims/files/{claim_file.uid}/rows/"
    unmark_sent(file=claim_file, user=manager)
    assert Statement.objects.get().state == "draft"


def test_sent_files_stand_on_the_recordings_that_they_name() -> None:
    desk = Desk(1)
    file = rows.claim_file(desk)
    mark_sent(file=file, user=make_user(Role.MANAGER))

    ((statement,),) = standing_on([f"recording:{desk.recording.uid}"]).values()

    assert (statement.kind, statement.uid) == (CLAIM_FILE, file.uid)
    assert str(label_of(statement.kind)) == "File for a platform"
