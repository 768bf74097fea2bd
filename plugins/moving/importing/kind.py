"""Moves of accounts into this portal, as a kind of import."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.zones import office_day
from base.jobs.choices import Pool
from base.jobs.resources import OUTSIDE
from imports.kinds import FirstStep, ImportKind, PageWords, register
from plugins.moving.importing.outcome import outcome_context
from plugins.moving.importing.streams import parts_here
from plugins.moving.importing.summary import MoveSummary
from plugins.moving.models import MoveIn, MoveParts
from scanning.models import CloudAccount

# A year, which costs three minutes for each stream.
_MOST_DAYS: Final = 366
_UNDOING = "plugins.moving.importing.undoing"


class MoveInForm(forms.Form):
    """An account, and what of it moves in."""

    account = forms.ModelChoiceField(
        CloudAccount.objects.all(),
        empty_label=None,
        label=_("Account"),
        help_text=_("Accounts and their tokens are entered in the administration."),
    )
    since = forms.DateField(
        label=_("Plays since"),
        initial=lambda: office_day() - timedelta(days=30),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("ACRCloud keeps the plays of streams for a few weeks."),
    )
    parts = forms.MultipleChoiceField(
        choices=lambda: [(part.value, part.label) for part in parts_here()],
        initial=lambda: [part.value for part in parts_here()],
        widget=forms.CheckboxSelectMultiple,
        label=_("What moves in"),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Ask for no day where no streams move in. Any: Django's own arguments."""
        super().__init__(*arguments, **options)
        if MoveParts.STREAMS not in parts_here():
            del self.fields["since"]

    def clean_since(self) -> date:
        """Refuse more days than anybody keeps, each of which is a call."""
        since: date = self.cleaned_data["since"]
        if (office_day() - since).days > _MOST_DAYS:
            raise forms.ValidationError(
                gettext("Choose a day of the last %(days)d days.") % {"days": _MOST_DAYS}
            )
        return since


_ADD_ACCOUNT: Final = FirstStep(
    _("There is no account yet"),
    _(
        "Add the account at ACRCloud, or of another portal, with a token that may read "
        "it. Then come back here."
    ),
    _("Add an account"),
    "admin:scanning_cloudaccount_add",
)


def _prepare(_user: User, values: dict[str, Any]) -> dict[str, Any]:  # Any: a form's
    return {"since": office_day(), **values, "file_name": values["account"].name}


MOVES = register(
    ImportKind(
        key="moves",
        name="move_in",
        model=MoveIn,
        work="plugins.moving.importing.account_reading.run",
        event="cloud_account.move",
        file_label="account",
        action=Action.CONFIGURE,
        denied=_("Only admins may move an account in."),
        labels=(
            _("Look at an account"),
            _("Move of an account"),
            _("Check of an undo of a move"),
            _("Undo of a move of an account"),
        ),
        related=("account",),
        # Calls of an account wait most of the time, and moves of one take turns.
        scheduling={
            "pool": Pool.TALK,
            "needs": frozenset({OUTSIDE}),
            "lane": lambda move: str(move.account_id),
            "lane_limit": lambda: 1,
        },
        form=MoveInForm,
        uploads={},
        prepare=_prepare,
        columns=("account", "parts", "since"),
        summary=MoveSummary,
        address="catalogue/move-in",
        parent="portal:catalogue",
        parent_title=_("Catalogue"),
        buttons=("portal:catalogue",),
        icon="download",
        title=_("Move in"),
        lead=_(
            "Moves an account of ACRCloud, or of another portal, into this one. First it "
            "is only counted; nothing moves until you confirm, and nothing changes there."
        ),
        start_label=_("Move everything in"),
        words=PageWords(
            _("Look at the account"),
            _("The move stopped"),
            _("Choose another account"),
            _("This move is not waiting to begin."),
        ),
        first_step=lambda: None if CloudAccount.objects.exists() else _ADD_ACCOUNT,
        context=outcome_context,
        undoers={
            "recording.awaited": f"{_UNDOING}.give_back_recording",
            "recording.track_id_added": f"{_UNDOING}.take_track_id",
            "bucket.created": f"{_UNDOING}.delete_bucket",
            "container.created": f"{_UNDOING}.delete_container",
        },
        after_undo=f"{_UNDOING}.forget_moved",
    )
)
