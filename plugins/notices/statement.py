"""Takedown notices as statements: approved when signed, then sent, or withdrawn.

A notice that was answered in full stays sent: what a platform removed because of it
stays away until the notice is withdrawn, so a wrong one is still to correct.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as lazy

from base.accounts.models import User
from base.accounts.roles import Action
from plugins.notices.checks import changes_since_signed
from plugins.notices.errors import NoticeRefused
from plugins.notices.models import NOTICE, STANDING_NOTICES, NoticeItem, TakedownNotice
from plugins.notices.selectors import notices_in_reach
from plugins.notices.services import why_not_withdraw_signed, withdraw
from statements.errors import StatementRefused
from statements.kinds import Difference, Kind
from statements.models import Statement


class TakedownNotices(Kind):
    """A signed notice has one version, because a corrected one has another number."""

    kind = NOTICE
    label = lazy("Takedown notice")
    place = 10
    has_card = True
    correcting = Action.APPROVE

    def seen(self, subjects: Collection[str]) -> Collection[str]:
        """Return the notices whose matches the viewer may all see."""
        notices = notices_in_reach().filter(uid__in=subjects)
        return set(notices.values_list("uid", flat=True))

    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Compare what notices say with what they might say now."""
        keys = {statement.subject: statement.pk for statement in statements}
        notices = {notice.pk: notice for notice in TakedownNotice.objects.filter(uid__in=keys)}
        changes = changes_since_signed(notices.values())
        return {
            keys[notices[key].uid]: [
                Difference(f"{item.match}: {text}", item.match_uid) for item, text in changed
            ]
            for key, changed in changes.items()
        }

    def url(self, statement: Statement) -> str:
        """Return the address of the notice's page."""
        return reverse("portal:notice", args=[statement.subject])

    def correct_url(self, statement: Statement) -> str:
        """Return where the notice is withdrawn and a corrected one begins."""
        address = reverse("portal:notice_withdraw", args=[statement.subject])
        return f"{address}?then=prepare"

    def concerned(self, cases: Mapping[str, Collection[str]]) -> Iterable[str]:
        """Return notices beside which others changed, and all if rights contradict.

        Two open notices may not name one match, so each concerns the other.
        """
        about = Q(pk__in=[])
        if uids := cases.get("notice"):
            changed = NoticeItem.objects.filter(notice__uid__in=uids)
            about |= Q(items__match__in=changed.values("match"))
        if cases.get("conflict"):
            about |= Q(state__in=STANDING_NOTICES)
        return TakedownNotice.objects.filter(about).values_list("uid", flat=True)

    def why_not_withdraw(self, statement: Statement, user: User) -> str:
        """Return that only managers withdraw signed notices."""
        return why_not_withdraw_signed(user)

    def withdraw(self, *, statement: Statement, user: User, note: str) -> None:
        """Withdraw the notice; raises ``StatementRefused``."""
        notice = TakedownNotice.objects.get(uid=statement.subject)
        try:
            withdraw(notice=notice, version=notice.version, why=note, user=user)
        except NoticeRefused as refused:
            raise StatementRefused(refused.message) from refused
