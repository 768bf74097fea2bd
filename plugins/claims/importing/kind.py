"""Reports of platforms, as a kind of import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.roles import Action
from imports.kinds import ImportKind, PageWords, register
from imports.models import ImportStatus
from plugins.claims.choices import DiscrepancyKind, Platform
from plugins.claims.importing.formats.table.report import TABLE
from plugins.claims.importing.importer import ClaimsSummary
from plugins.claims.importing.reports import (
    day_in_name,
    needed_columns,
    register_folders,
    targets_on,
)
from plugins.claims.models import ClaimsImport
from plugins.claims.services import find_account

_NAMED = 5
"""Entries of a list that the check names."""
register_folders(Path(__file__).parent / "formats")


class ClaimsForm(forms.Form):
    """A platform's report, the account whose it is, and its day."""

    platform = forms.ChoiceField(
        choices=Platform.choices, label=_("Platform"), widget=forms.Select({"class": "control"})
    )
    file = forms.FileField(
        label=_("Report (CSV or .csv.gz)"),
        help_text=_(
            "As downloaded from YouTube's Studio or its Reporting API; for other "
            "platforms a table of claims, such as the one that is described below."
        ),
    )
    account = forms.CharField(
        max_length=200,
        label=_("Account"),
        help_text=_("Its name on the platform. A new name makes a new account."),
    )
    report_day = forms.DateField(
        required=False,
        label=_("Day of the report"),
        help_text=_("Leave it empty if the file's name contains the day."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Take the day from the file's name if nobody entered it."""
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if file is not None and not cleaned.get("report_day"):
            cleaned["report_day"] = day_in_name(file.name or "")
            if cleaned["report_day"] is None and "report_day" not in self.errors:
                text = _("The file's name contains no day. Enter that of the report.")
                self.add_error("report_day", text)
        return cleaned


def _prepare(user: User, values: dict[str, Any]) -> dict[str, Any]:  # Any: a form's
    platform = Platform(values.pop("platform"))
    account = find_account(platform=platform, name=values["account"], user=user)
    return {**values, "account": account}


def _foreseen(import_: ClaimsImport) -> dict[str, Any]:
    """Return what a check says of each list, with the names of the first entries.

    Any: values for a template.
    """
    summary = import_.summary if import_.status == ImportStatus.CHECKED else {}
    opened, closed = summary.get("opened", {}), summary.get("closed", {})
    entries = summary.get("entries", [])

    def named(kind: str, change: str) -> list[str]:
        names = [e["name"] for e in entries if (e["list"], e["what"]) == (kind, change)]
        return names[:_NAMED]

    return {
        "lists": [
            {
                "label": kind.label,
                "opened": opened.get(kind, 0),
                "closed": closed.get(kind, 0),
                "opening": named(kind, "opens"),
                "closing": named(kind, "closes"),
            }
            for kind in DiscrepancyKind
            if kind in opened or kind in closed
        ]
    }


CLAIMS = register(
    ImportKind(
        key="claims",
        name="claims_import",
        model=ClaimsImport,
        work="plugins.claims.importing.importer.run",
        event="claims.import",
        action=Action.EDIT_CATALOGUE,
        labels=(
            _("Check of a platform's report"),
            _("Import of a platform's report"),
            _("Check of an undo of a platform's report"),
            _("Undo of an import of a platform's report"),
        ),
        form=ClaimsForm,
        uploads={"file": ("file", "claims-imports/{}")},
        prepare=_prepare,
        columns=(
            *("account", "kind", "report_day"),
            *("columns", "columns_from", "mapping_version"),
        ),
        summary=ClaimsSummary,
        context=_foreseen,
        targets=lambda import_: targets_on(Platform(import_.account.platform)),
        help={"columns": [column.name for column in TABLE.columns], "needed": needed_columns},
        address="claims/import",
        parent="portal:claims",
        parent_title=_("Platform claims"),
        title=_("Import a platform's report"),
        lead=_(
            "Claims, assets, asset conflicts, reference files and videos as a platform "
            "reports them. The report is checked first; nothing is imported until you "
            "confirm."
        ),
        words=PageWords(
            _("Check the report"),
            _("This report cannot be read"),
            _("Choose another report"),
            _("This report is not waiting to be imported."),
            _(
                "The undo puts back what the report changed and removes what it added. "
                "Links, dismissals and explanations stay."
            ),
        ),
        undoers={"claims.imported": "plugins.claims.importing.undoing.restore"},
        before_undo="plugins.claims.importing.undoing.put_back",
    )
)
