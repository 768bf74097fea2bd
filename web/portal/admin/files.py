"""The admin screen of scanned files."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import PRESENT
from base.accounts.roles import Action
from base.common.reading import count_words, read_clock
from base.common.territories import read_territories
from review.models import Match
from review.timeline import timeline
from scanning.models import Scan, ScannedFile
from scanning.parts import sources_here
from scanning.services.callbacks import link_remote_file
from scanning.tags import territories_of, words_of
from web.portal.admin.base import (
    APPLY,
    ReadOnlyInline,
    RoleAdmin,
    action_page,
    code,
    file_badge,
    match_count_link,
    number,
    player,
    user_of,
)
from web.portal.admin.filters import CodeFilter, DaysFilter, HereFilter, PickFilter
from web.portal.files import bulk_actions
from web.portal.shared import formats
from web.portal.shared.playback import audio_url
from web.portal.shared.selectors import count_per_row
from web.portal.shared.times import when

_RESCAN = bulk_actions.RESCAN


class RemoteIdForm(forms.ModelForm):  # type: ignore[type-arg]  # subscripted in stubs only
    """The ACRCloud id of a file, its only editable field."""

    class Meta:
        model = ScannedFile
        fields = ["remote_id"]

    def clean_remote_id(self) -> str:
        """Reject an id that another file already has."""
        remote_id: str = self.cleaned_data["remote_id"].strip()
        taken = ScannedFile.objects.present().filter(remote_id=remote_id)
        if remote_id and taken.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(
                gettext("Another file already has the ACRCloud id %(remote_id)s.")
                % {"remote_id": remote_id}
            )
        return remote_id


class ScanInline(ReadOnlyInline):
    """The scans of a file."""

    model = Scan
    readonly_fields = ("link", "shown_engine", "status", "message", "finished_at")
    verbose_name_plural = _("scans")

    @admin.display(description=_("Engine"))
    def shown_engine(self, scan: Scan) -> str:
        """Return the engine and its version."""
        return scan.engine_label

    @admin.display(description=_("Scan"))
    def link(self, scan: Scan) -> SafeString:
        """Return a link to the scan."""
        url = reverse("admin:scanning_scan_change", args=[scan.pk])
        return format_html('<a href="{}">{}</a>', url, scan.uid)


class SourceFilter(HereFilter):
    """Filters by how files reached this portal."""

    def here(self) -> Collection[str]:
        """Return the ways that it has."""
        return sources_here()


@admin.register(ScannedFile)
class ScannedFileAdmin(RoleAdmin[ScannedFile]):
    """Files; an admin may set a file's ACRCloud id."""

    change_action = Action.CONFIGURE
    form = RemoteIdForm
    list_display = [
        "name",
        "state",
        "container",
        "duration",
        "match_count",
        "source_type",
        "created",
    ]
    list_filter = [
        "status",
        ("container", PickFilter),
        ("source_type", SourceFilter),
        ("error_code", CodeFilter),
        ("created_at", DaysFilter),
    ]
    search_fields = ["name", "=uid", "=remote_id", "=external_id", "=sha256"]
    search_help_text = _("Name, or a whole id or SHA-256")
    readonly_fields = (
        "state",
        "name",
        "container",
        "listen",
        "duration",
        "heard",
        "size",
        "source_type",
        "source_url",
        "platform",
        "account",
        "external_id",
        "programme",
        "published_at",
        "shown_territories",
        "shown_tags",
        "uid",
        "sha256",
        "facts",
        "shown_error",
        "message",
        "uploaded_by",
        "created",
        "deleted_at",
    )
    fields = (*readonly_fields, "remote_id")
    inlines = [ScanInline]
    actions = ["rescan"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScannedFile]:
        """Annotate the number of matches."""
        live = Match.objects.all()
        files = super().get_queryset(request)
        return files.select_related("container", "uploaded_by").annotate(
            matches_there=count_per_row(live, "scanned_file")
        )

    @admin.display(description=_("State"), ordering="status")
    def state(self, file: ScannedFile) -> SafeString:
        """Return the status badge, and whether the file was deleted."""
        deleted = gettext("Deleted") if file.deleted_at else ""
        return format_html('{}<span class="cell-sub">{}</span>', file_badge(file.status), deleted)

    @admin.display(description=_("Length"), ordering="length_ms")
    def duration(self, file: ScannedFile) -> SafeString:
        """Return the length of the audio, if known."""
        length = read_clock(file.length_ms) if file.length_ms else formats.UNKNOWN
        return number(length)

    @admin.display(description=_("Error code"), ordering="error_code")
    def shown_error(self, file: ScannedFile) -> SafeString:
        """Return the code of the error that failed or blocks the file."""
        return code(file.error_code)

    @admin.display(description=_("Size"), ordering="size_bytes")
    def size(self, file: ScannedFile) -> str:
        """Return the size of the file as received."""
        return formats.size(file.size_bytes)

    @admin.display(description=_("Territories"))
    def shown_territories(self, file: ScannedFile) -> str:
        """Return the names of the territories in which the file was used."""
        return read_territories(territories_of(file.tags)) or formats.UNKNOWN

    @admin.display(description=_("Tags"))
    def shown_tags(self, file: ScannedFile) -> str:
        """Return the words that people gave to the file."""
        return ", ".join(words_of(file.tags)) or formats.UNKNOWN

    @admin.display(description=_("Listen"))
    def listen(self, file: ScannedFile) -> SafeString:
        """Return an audio player."""
        return player(audio_url(file))

    @admin.display(description=_("What is heard"))
    def heard(self, file: ScannedFile) -> SafeString:
        """Return the length and the share of each kind of the file's timeline."""
        line = timeline(file)
        return format_html_join(
            "",
            "{}: {} · {}<br>",
            (
                (kind.label, read_clock(ms), formats.file_share(line.pct(kind)))
                for kind, ms in line.by_kind.items()
            ),
        )

    @admin.display(description=_("Matches"), ordering="matches_there")
    def match_count(self, file: Any) -> SafeString:  # Any: carries an annotation
        """Return the number of matches, linked to their list."""
        return match_count_link(file, "scanned_file")

    @admin.display(description=_("Added"), ordering="created_at")
    def created(self, file: ScannedFile) -> SafeString:
        """Return when the file was added."""
        return when(file.created_at)

    def has_rescan_permission(self, request: HttpRequest) -> bool:
        """Let users rescan who may upload files."""
        return request.user.has_perm(Action.UPLOAD)

    @admin.action(
        description=format_lazy(_("{label} the selected…"), label=_RESCAN.label),
        permissions=["rescan"],
    )
    def rescan(self, request: HttpRequest, queryset: QuerySet[ScannedFile]) -> HttpResponse | None:
        """Preview which files are scanned again; do it after a confirmation."""
        files = list(queryset.filter(**PRESENT).order_by("name")[: bulk_actions.LIMIT + 1])
        if len(files) > bulk_actions.LIMIT:
            text = gettext("Tick at most %(limit)d files at once.")
            self.message_user(request, text % {"limit": bulk_actions.LIMIT}, messages.ERROR)
            return None
        user, form = user_of(request), _RESCAN.form(request.POST)
        if APPLY in request.POST:
            done, left_out = bulk_actions.act_on_files(_RESCAN, files, user, form)
            if done:
                message = f"{count_words(_RESCAN.done, len(done))}."
                self.message_user(request, message, messages.SUCCESS)
            for file, why in left_out:
                self.message_user(request, f"{file}: {why}", messages.WARNING)
            return None
        reasons = [(file, _RESCAN.why_not(file, user, form)) for file in files]
        return action_page(
            self,
            request,
            "admin/scanning/scannedfile/rescan.html",
            title=_RESCAN.label,
            going=[file for file, why in reasons if not why],
            left_out=[(file, why) for file, why in reasons if why],
        )

    def save_model(self, request: HttpRequest, obj: ScannedFile, form: Any, change: bool) -> None:
        """Set the id through the service, which applies callbacks that waited for it."""
        remote_id = obj.remote_id
        obj.refresh_from_db(fields=["remote_id"])
        if remote_id != obj.remote_id:
            link_remote_file(scanned_file=obj, remote_id=remote_id, user=user_of(request))
