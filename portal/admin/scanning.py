"""Admin screens of containers, files, scans, detections and projects."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.reach import PRESENT
from accounts.roles import Action
from catalogue.models import Bucket
from common.reading import count_words, read_clock, read_number
from common.territories import read_territories
from portal.admin.base import (
    ReadOnlyInline,
    RoleAdmin,
    all_field_names,
    code,
    file_badge,
    number,
    player,
    score,
    user_of,
)
from portal.admin.filters import CodeFilter, PickFilter
from portal.containers.views import ContainerForm, after_change
from portal.files import many
from portal.shared import formats
from portal.shared.playback import audio_url
from portal.shared.selectors import count_per_row
from portal.shared.times import when
from review.choices import MatchState
from review.models import Match
from review.services import floors
from scanning.models import (
    Container,
    Detection,
    Project,
    Scan,
    ScannedFile,
    Segment,
)
from scanning.services.callbacks import link_remote_file
from scanning.services.containers import inbound_callback_url, record_saved
from scanning.tags import territories_of, words_of

_CONTAINER_FIELDS = (
    "name",
    "engine",
    "buckets",
    "audio_type",
    "score_floor",
    "floor_shown",
    "upload_audio",
    "link_audio",
    "audio_days",
    "hide_rejected",
    "callback_url",
    "callback_address",
    "created_by",
    "created_at",
)
_RESCAN = many.VERBS["rescan"]
# The addresses of callbacks may hold secrets.
_FOR_ADMINS = {"callback_url", "callback_address", "floor_shown"}


class ContainerAdminForm(forms.ModelForm):  # type: ignore[type-arg]  # subscripted in stubs only
    """The settings of a container, with the labels and the preview of its page."""

    callback_url = ContainerForm.base_fields["callback_url"]
    floor_shown = forms.CharField(required=False, label="", widget=forms.HiddenInput)

    class Meta:
        model = Container
        fields = ContainerForm.Meta.fields
        labels = ContainerForm.Meta.labels

    def clean(self) -> dict[str, Any]:  # Any: Django's own
        """Show what another floor does to matches before it is saved."""
        cleaned = super().clean() or {}
        wanted, is_new = cleaned.get("score_floor"), self.instance.pk is None
        if wanted is None or cleaned.get("floor_shown") == str(wanted):
            return cleaned
        if is_new or self.errors or "score_floor" not in self.changed_data:
            return cleaned
        effect = floors.preview(container=self.instance, floor=wanted)
        if effect.returning or effect.staying:
            sent = QueryDict(mutable=True)
            sent.update(self.data)
            sent["floor_shown"] = str(wanted)
            self.data = sent
            context = {"floor": effect, "wanted": wanted}
            shown = render_to_string("portal/containers/_floor.html", context)
            raise forms.ValidationError({"score_floor": [shown]})
        return cleaned


@admin.register(Container)
class ContainerAdmin(RoleAdmin[Container]):
    """Containers; admins create and change them."""

    add_action = change_action = Action.CONFIGURE
    form = ContainerAdminForm
    list_display = ["name", "number", "engine", "bucket_names", "file_count"]
    list_filter = ["engine", ("buckets", PickFilter)]
    ordering = ["name", "id"]
    search_fields = ["name"]
    autocomplete_fields = ["buckets"]
    fields = _CONTAINER_FIELDS
    readonly_fields = ["callback_address", "created_by", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Container]:
        """Annotate the number of files and prefetch the buckets."""
        files = count_per_row(ScannedFile.objects.present(), "container")
        present = super().get_queryset(request).filter(**PRESENT)
        containers = present.annotate(files_there=files)
        return containers.prefetch_related("buckets")

    @admin.display(description=_("Id"), ordering="pk")
    def number(self, container: Container) -> int:
        """Return the container's id in the wire protocol."""
        return container.pk

    @admin.display(description=_("Buckets"))
    def bucket_names(self, container: Container) -> str:
        """Return the names of the container's buckets."""
        return ", ".join(bucket.name for bucket in container.buckets.all())

    @admin.display(description=_("Files"), ordering="files_there")
    def file_count(self, container: Any) -> SafeString:  # Any: carries an annotation
        """Return the number of files in the container."""
        return number(str(container.files_there))

    @admin.display(description=_("Callback address"))
    def callback_address(self, container: Container) -> SafeString | str:
        """Return the URL to which ACRCloud posts the container's results."""
        if container._state.adding:
            return gettext("Created when the container is saved.")
        url = inbound_callback_url(container)
        if not url:
            return gettext("No address: the embedded engine scans its files.")
        return code(url)

    def get_fields(
        self, request: HttpRequest, obj: Container | None = None
    ) -> tuple[str, ...]:
        """Show the callback addresses only to admins."""
        hidden = set() if request.user.has_perm(Action.CONFIGURE) else _FOR_ADMINS
        return tuple(name for name in _CONTAINER_FIELDS if name not in hidden)

    def save_model(
        self, request: HttpRequest, obj: Container, form: Any, change: bool
    ) -> None:
        """Save the container with its creator."""
        if not change:
            obj.created_by = user_of(request)
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        """Record the event with the buckets; evaluate matches that a lower floor returns."""
        super().save_related(request, form, formsets, change)
        container: Container = form.instance
        engine_before = form.initial["engine"] if change else None
        record_saved(
            container=container, engine_before=engine_before, user=user_of(request)
        )
        after_change(request, form, user=user_of(request))


class RemoteIdForm(forms.ModelForm):  # type: ignore[type-arg]  # subscripted in stubs only
    """The ACRCloud id of a file, its only editable field."""

    class Meta:
        model = ScannedFile
        fields = ["remote_id"]

    def clean_remote_id(self) -> str:
        """Reject an id that another file already has."""
        remote_id: str = self.cleaned_data["remote_id"].strip()
        taken = ScannedFile.objects.filter(remote_id=remote_id)
        if remote_id and taken.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(
                gettext("Another file already has the ACRCloud id %(remote_id)s.")
                % {"remote_id": remote_id}
            )
        return remote_id


class ScanInline(ReadOnlyInline):
    """The scans of a file."""

    model = Scan
    readonly_fields = (
        "link",
        "shown_engine",
        "status",
        "message",
        "finished_at",
    )
    fields = readonly_fields
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
        "source_type",
        ("error_code", CodeFilter),
    ]
    ordering = ["-created_at", "-id"]
    search_fields = ["name", "=uid", "=remote_id", "=external_id", "=sha256"]
    search_help_text = _("Name, or a whole id or SHA-256")
    date_hierarchy = "created_at"
    readonly_fields = (
        "state",
        "name",
        "container",
        "listen",
        "duration",
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
        """Annotate the number of matches, without superseded ones."""
        live = Match.objects.exclude(state=MatchState.SUPERSEDED)
        files = super().get_queryset(request)
        return files.select_related("container", "uploaded_by").annotate(
            matches_there=count_per_row(live, "scanned_file")
        )

    @admin.display(description=_("State"), ordering="status")
    def state(self, file: ScannedFile) -> SafeString:
        """Return the status badge."""
        return file_badge(file.status)

    @admin.display(description=_("Length"), ordering="duration_ms")
    def duration(self, file: ScannedFile) -> SafeString:
        """Return the length of the audio, if known."""
        known = read_clock(file.duration_ms) if file.duration_ms else formats.UNKNOWN
        return number(known)

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

    @admin.display(description=_("Matches"), ordering="matches_there")
    def match_count(self, file: Any) -> SafeString:  # Any: carries an annotation
        """Return the number of matches, linked to their list."""
        url = reverse("admin:review_match_changelist")
        return format_html(
            '<a class="num" href="{}?scanned_file__id__exact={}">{}</a>',
            url,
            file.pk,
            file.matches_there,
        )

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
    def rescan(
        self, request: HttpRequest, queryset: QuerySet[ScannedFile]
    ) -> HttpResponse | None:
        """Preview which files are scanned again; do it after a confirmation."""
        files = list(queryset.filter(**PRESENT).order_by("name")[: many.LIMIT + 1])
        if len(files) > many.LIMIT:
            text = gettext("Tick at most %(limit)d files at once.")
            self.message_user(request, text % {"limit": many.LIMIT}, messages.ERROR)
            return None
        user, form = user_of(request), _RESCAN.form(request.POST)
        if "apply" in request.POST:
            done, left_out = many.do_each(_RESCAN, files, user, form)
            if done:
                said = f"{count_words(_RESCAN.done, len(done))}."
                self.message_user(request, said, messages.SUCCESS)
            for file, why in left_out:
                self.message_user(request, f"{file}: {why}", messages.WARNING)
            return None
        reasons = [(file, _RESCAN.why_not(file, user, form)) for file in files]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _RESCAN.label,
            "going": [file for file, why in reasons if not why],
            "left_out": [(file, why) for file, why in reasons if why],
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(
            request, "admin/scanning/scannedfile/rescan.html", context
        )

    def save_model(
        self, request: HttpRequest, obj: ScannedFile, form: Any, change: bool
    ) -> None:
        """Set the id through the service, which applies callbacks that waited for it."""
        remote_id = obj.remote_id
        obj.refresh_from_db(fields=["remote_id"])
        if remote_id != obj.remote_id:
            link_remote_file(
                scanned_file=obj, remote_id=remote_id, user=user_of(request)
            )


class DetectionInline(ReadOnlyInline):
    """The detections of a scan."""

    model = Detection
    readonly_fields = (
        "link",
        "section",
        "score",
        "score_scale",
    )
    fields = readonly_fields

    @admin.display(description=_("Recording"))
    def link(self, detection: Detection) -> SafeString:
        """Return a link to the detection."""
        url = reverse("admin:scanning_detection_change", args=[detection.pk])
        return format_html('<a href="{}">{}</a>', url, detection.recording)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Detection]:
        """Join the recordings."""
        detections: QuerySet[Detection] = super().get_queryset(request)
        return detections.select_related("recording")


@admin.register(Scan)
class ScanAdmin(RoleAdmin[Scan]):
    """Scans, read-only."""

    list_display = [
        "uid",
        "scanned_file",
        "engine",
        "status",
        "shown_error",
        "started",
        "took",
    ]
    list_filter = ["status", "engine", ("scanned_file__container", PickFilter)]
    list_select_related = ["scanned_file"]
    search_fields = ["=uid", "scanned_file__name"]
    date_hierarchy = "created_at"
    readonly_fields = (
        *all_field_names(Scan, but=["id", "engine", "engine_version", "error_code"]),
        "shown_engine",
        "shown_error",
    )
    fields = readonly_fields
    inlines = [DetectionInline]

    @admin.display(description=_("Engine"))
    def shown_engine(self, scan: Scan) -> str:
        """Return the engine and its version."""
        return scan.engine_label

    @admin.display(description=_("Error code"), ordering="error_code")
    def shown_error(self, scan: Scan) -> SafeString:
        """Return the code of the error that stopped the scan."""
        return code(scan.error_code)

    @admin.display(description=_("Started"), ordering="started_at")
    def started(self, scan: Scan) -> SafeString:
        """Return when the scan started."""
        return when(scan.started_at)

    @admin.display(description=_("Took"))
    def took(self, scan: Scan) -> SafeString:
        """Return the duration of a finished scan in seconds."""
        if scan.started_at is None or scan.finished_at is None:
            return number(formats.UNKNOWN)
        # The clock may have been set back.
        seconds = max(0.0, (scan.finished_at - scan.started_at).total_seconds())
        return number(f"{read_number(seconds, decimals=1)} s")


class SegmentInline(ReadOnlyInline):
    """The segments of a detection."""

    model = Segment
    readonly_fields = (
        "source",
        "reference",
        "speed",
        "pitch",
        "score",
        "landmarks",
        "by_chance",
        "under_speech",
    )
    fields = readonly_fields

    @admin.display(description=_("Source"))
    def source(self, segment: Segment) -> SafeString:
        """Return the interval in the file."""
        return _interval(segment.start_ms, segment.end_ms)

    @admin.display(description=_("Reference"))
    def reference(self, segment: Segment) -> SafeString:
        """Return the interval in the recording."""
        return _interval(segment.reference_start_ms, segment.reference_end_ms)

    @admin.display(description=_("Speed"))
    def speed(self, segment: Segment) -> str:
        """Return the tempo ratio."""
        ratio = segment.tempo_ratio
        return formats.UNKNOWN if ratio is None else formats.speed(float(ratio))

    @admin.display(description=_("Pitch"))
    def pitch(self, segment: Segment) -> str:
        """Return the difference in pitch."""
        shift = segment.pitch_cents
        return formats.UNKNOWN if shift is None else formats.cents(float(shift))

    @admin.display(description=_("Landmarks"))
    def landmarks(self, segment: Segment) -> str:
        """Return the number of landmarks that agree."""
        known = segment.aligned_landmarks
        return formats.UNKNOWN if known is None else read_number(known)

    @admin.display(description=_("By chance"))
    def by_chance(self, segment: Segment) -> str:
        """Return how many of them chance would explain."""
        known = segment.expected_by_chance
        return (
            formats.UNKNOWN if known is None else read_number(float(known), decimals=2)
        )

    @admin.display(description=_("Under speech"))
    def under_speech(self, segment: Segment) -> str:
        """Return the share of it that lies under speech."""
        known = segment.speech_pct
        return formats.UNKNOWN if known is None else f"{read_number(float(known))} %"


def _interval(start_ms: int, end_ms: int) -> SafeString:
    start, end = (read_clock(at, digits=3) for at in (start_ms, end_ms))
    return format_html('<span class="nowrap">{} – {}</span>', start, end)


@admin.register(Detection)
class DetectionAdmin(RoleAdmin[Detection]):
    """Detections that engines reported, read-only."""

    list_display = ["recording", "scanned_file", "section", "shown_score", "found"]
    list_filter = [
        "created_at",
        "section",
        "scan__engine",
        ("scan__scanned_file__container", PickFilter),
    ]
    list_select_related = ["recording", "scan__scanned_file"]
    search_fields = ["recording__title", "scan__scanned_file__name", "=scan__uid"]
    readonly_fields = all_field_names(Detection, but=["id"])
    fields = readonly_fields
    inlines = [SegmentInline]

    @admin.display(description=_("File"), ordering="scan__scanned_file__name")
    def scanned_file(self, detection: Detection) -> str:
        """Return the name of the scanned file."""
        return detection.scan.scanned_file.name

    @admin.display(description=_("Score"), ordering="score")
    def shown_score(self, detection: Detection) -> SafeString:
        """Return the score with its scale."""
        return score(detection.score, detection.score_scale)

    @admin.display(description=_("Found"), ordering="created_at")
    def found(self, detection: Detection) -> SafeString:
        """Return when the detection was stored."""
        return when(detection.created_at)


@admin.register(Project)
class ProjectAdmin(RoleAdmin[Project]):
    """Projects: key pairs that identify clips, without the secret key."""

    list_display = ["name", "access_key", "bucket_names", "created_by", "created_at"]
    search_fields = ["name", "=access_key"]
    readonly_fields = (
        *all_field_names(Project, but=["id", "access_secret"]),
        "bucket_names",
    )
    fields = readonly_fields

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show projects to admins."""
        return request.user.has_perm(Action.CONFIGURE)

    def has_view_permission(
        self, request: HttpRequest, obj: Project | None = None
    ) -> bool:
        """Show projects to admins."""
        return request.user.has_perm(Action.CONFIGURE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        """Join the creator and prefetch the buckets."""
        projects = super().get_queryset(request).select_related("created_by")
        return projects.prefetch_related(
            Prefetch("buckets", queryset=Bucket.objects.present())
        )

    @admin.display(description=_("Buckets"))
    def bucket_names(self, project: Project) -> str:
        """Return the names of the buckets that the project searches."""
        names = ", ".join(bucket.name for bucket in project.buckets.all())
        return names or formats.UNKNOWN
