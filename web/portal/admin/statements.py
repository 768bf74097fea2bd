"""Admin screen of statements; the portal's pages hold their steps."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from statements.models import Statement, StatementFile, StatementStep
from statements.selectors import statements_in_reach
from web.portal.admin.base import ReadOnlyInline, RoleAdmin, all_field_names
from web.portal.shared.times import when


class StatementStepInline(ReadOnlyInline):
    """The steps of a statement."""

    model = StatementStep
    readonly_fields = ("state", "person_name", "at", "note")
    exclude = ("person",)


class StatementFileInline(ReadOnlyInline):
    """The files of a statement, without their content."""

    model = StatementFile
    readonly_fields = ("name", "sha256", "size_bytes")
    exclude = ("format", "file")


@admin.register(Statement)
class StatementAdmin(RoleAdmin[Statement]):
    """Statements of every kind, read-only."""

    list_display = ["__str__", "kind", "version", "state", "issued", "differs"]
    list_filter = ["kind", "state"]
    search_fields = ["=uid", "=subject", "name"]
    search_help_text = _("Id of the statement or of its subject, or name")
    readonly_fields = all_field_names(Statement, but=["id", "content"])
    inlines = [StatementStepInline, StatementFileInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Statement]:
        """Apply the user's access limits."""
        seen = statements_in_reach().values("pk")
        return super().get_queryset(request).filter(pk__in=seen)

    @admin.display(description=_("Issued"), ordering="issued_at")
    def issued(self, statement: Statement) -> SafeString:
        """Return when the statement was approved or sent."""
        return when(statement.issued_at)

    @admin.display(description=_("Differs since"), ordering="differs_since")
    def differs(self, statement: Statement) -> SafeString:
        """Return since when the statement differs from today."""
        return when(statement.differs_since)
