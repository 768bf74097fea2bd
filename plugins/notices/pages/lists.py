"""The list of takedown notices, for its page, the admin and programs."""

from __future__ import annotations

from typing import Final

from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.reading import read_date
from plugins.notices import selectors
from plugins.notices.models import NoticeState, TakedownNotice
from web.portal.shared import declared
from web.portal.shared.declared import Column, DeclaredList, Empty, Link
from web.portal.shared.icons import badge, warning
from web.portal.shared.times import when

STATE_ICONS: Final = {
    NoticeState.DRAFT: "edit",
    NoticeState.REVIEW: "eye",
    NoticeState.SIGNED: "check",
    NoticeState.SENT: "upload",
    NoticeState.ANSWERED: "copy",
    NoticeState.WITHDRAWN: "ban",
}


NOTICES: Final = DeclaredList(
    model=TakedownNotice,
    title=_("Notices"),
    lead=_(
        "Takedown notices to platforms. A person signs and sends each one; the portal sends "
        "nothing."
    ),
    links=[Link(_("Prepare a notice"), "portal:notice_prepare", Action.REPORT)],
    rows=lambda _values: selectors.with_figures(selectors.notices_in_reach()),
    filters=[
        declared.search(_("Number or account"), selectors.holds),
        declared.choice("state", _("State"), NoticeState.choices, any_label=_("Any state")),
        declared.choice(
            "platform",
            _("Platform"),
            lambda: [(name, name) for name in selectors.platforms()],
            any_label=_("Any platform"),
            condition=lambda name: Q(platform__iexact=name),
        ),
        declared.choice(
            "due",
            _("To do"),
            [
                ("counter", _("Counter-notice period running")),
                ("unanswered", _("Sent, not answered")),
                ("lapsed", _("No longer valid")),
            ],
            any_label=_("Anything"),
            condition=selectors.is_due,
        ),
    ],
    default="-number",
    columns=[
        Column(
            _("Notice"),
            lambda notice: notice.reference or _("Not signed"),
            "title",
            sort="number",
            order="pk",
            below=lambda notice: when(notice.created_at),
        ),
        Column(
            _("State"),
            lambda notice: badge(notice.get_state_display(), STATE_ICONS[notice.state]),
            "badge",
            below=lambda notice: notice.no_longer_holds and warning(_("No longer valid")),
        ),
        Column(_("Platform"), "platform", sort="platform", below="account"),
        Column(_("Law"), "get_law_display", "words"),
        Column(_("Matches"), "item_count", "num"),
        Column(
            _("Due"),
            lambda notice: (
                notice.restore_until
                and gettext("restored by %(day)s")
                % {"day": read_date(notice.restore_until, "dated")}
            ),
        ),
        Column(_("Sent"), "sent_at", "quiet", sort="sent", order="sent_at"),
    ],
    link=lambda notice, _user: notice.url,
    empty=Empty(
        _("No notice yet"),
        _("Prepare one from the page of a confirmed match, or from the list of all matches."),
        "flag",
        Link(_("Confirmed matches"), "portal:match_list", query="?state=confirmed"),
    ),
)
