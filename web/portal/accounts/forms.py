"""Forms for API tokens and project keys."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Scope
from catalogue.models import Bucket
from scanning.models import Project
from web.portal.shared.fields import SearchSelectMultiple

_SCOPES = {
    Scope.READ: _("Read files, results and the catalogue"),
    Scope.SCAN: _("Upload, submit links, rescan, delete files"),
    Scope.CATALOGUE: _("Change buckets, recordings and duplicates"),
    Scope.DECIDE: _("Decide matches"),
    Scope.REPORT: _("Run reports"),
    Scope.ADMIN: _("Change containers and settings"),
    Scope.ALL: _("Everything that you may do"),
}


class TokenForm(forms.Form):
    """A new API token: its purpose, scopes and last day."""

    name = forms.CharField(
        max_length=100, help_text=_("What uses it, such as 'nightly upload'."), label=_("Name")
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, text) for scope, text in _SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.READ.value],
        help_text=_("Choose no more than the program needs."),
        label=_("Scopes"),
    )
    expires_on = forms.DateField(
        required=False,
        label=_("Last day"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=_("If empty, the token works until revoked."),
    )

    def clean_expires_on(self) -> date | None:
        """Reject a day in the past."""
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError(gettext("This day is in the past. Choose a later one."))
        return day

    def expires_at(self) -> datetime | None:
        """Return the end of the person's last day; None if the token does not expire."""
        day: date | None = self.cleaned_data["expires_on"]
        if day is None:
            return None
        return timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))


class ProjectForm(forms.ModelForm[Project]):
    """A new project: a key pair for identifying clips."""

    class Meta:
        model = Project
        fields = ["name", "buckets"]

    buckets = forms.ModelMultipleChoiceField(
        Bucket.objects.present(), widget=SearchSelectMultiple, label=_("Buckets")
    )
