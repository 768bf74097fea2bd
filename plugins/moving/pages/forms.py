"""Forms of trials."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import MinValueValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from plugins.moving.models import EngineTrial, TrialKeeps
from plugins.moving.pages.places import place_fields
from plugins.moving.trials import services
from scanning.models import CloudAccount, Container
from web.portal.shared.fields import SearchSelectMultiple


class TrialForm(forms.Form):
    """The containers that both engines scan, for how long, and what is paid."""

    account = forms.ModelChoiceField(
        CloudAccount.objects.all(), empty_label=None, label=_("Account")
    )
    containers = forms.ModelMultipleChoiceField(
        Container.objects.none(),
        required=False,
        widget=SearchSelectMultiple,
        label=_("Containers"),
        help_text=_("Those that are connected to a container of the account."),
    )
    sends_files = forms.BooleanField(
        required=False,
        initial=True,
        label=_("This portal sends the files to ACRCloud"),
        help_text=_(
            "Switch it off if your programs send them there themselves. The files that "
            "come here are then paired with those by name and length."
        ),
    )
    weeks = forms.IntegerField(min_value=1, max_value=26, initial=4, label=_("Weeks"))
    cap_hours = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=1_000_000,
        label=_("Hours a month"),
        help_text=_("For each container. Leave empty for no limit."),
    )
    price_per_hour = forms.DecimalField(
        required=False,
        max_digits=8,
        decimal_places=2,
        validators=[MinValueValidator(0)],
        label=_("Price of an hour at ACRCloud"),
    )
    currency = forms.RegexField(
        r"^[A-Z]{3}$", required=False, label=_("Currency"), help_text=_("Three letters, as in EUR.")
    )

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: Django's own
        super().__init__(*args, **options)
        connected = Container.objects.present().filter(
            cloud_account__isnull=False, cloud_container_id__isnull=False
        )
        self.fields["containers"].queryset = connected  # type: ignore[attr-defined]  # a choice of models
        added = {name: make_field() for name, make_field in place_fields}
        self.fields.update(added)
        self.order_fields(["account", "containers", *added])

    def clean(self) -> dict[str, Any]:  # Any: Django's own
        """Ask for the currency of a price."""
        values = super().clean() or {}
        if values.get("price_per_hour") is not None and not values.get("currency"):
            self.add_error("currency", gettext("Enter the currency of the price."))
        return values

    def begin(self, user: User) -> EngineTrial:
        """Begin the trial."""
        values = dict(self.cleaned_data)
        return services.begin_trial(
            account=values.pop("account"),
            containers=values.pop("containers"),
            streams=[row for name, _make in place_fields for row in values.pop(name)],
            user=user,
            terms=services.TrialTerms(**values),
        )


class EndForm(forms.Form):
    """What scans the containers after a trial."""

    keeps = forms.ChoiceField(choices=TrialKeeps.choices, label=_("Scan on with"))

    def choice(self) -> TrialKeeps:
        """Return the choice."""
        return TrialKeeps(self.cleaned_data["keeps"])
