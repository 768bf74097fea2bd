"""Admin screens of buckets and recordings."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import PRESENT, is_limited
from base.accounts.roles import Action
from base.common.reading import read_clock
from catalogue.changes import update_bucket, update_recording
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket, Recording
from catalogue.services import create_bucket
from review.models import Match
from web.portal.admin.base import RoleAdmin, match_count_link, number, player, two_lines, user_of
from web.portal.admin.filters import DaysFilter, PickFilter
from web.portal.catalogue.forms import RecordingEditForm
from web.portal.shared import formats
from web.portal.shared.playback import audio_url
from web.portal.shared.selectors import count_per_row

_OF_BUCKET = ("name", "bucket_type", "intake_rule", "intake_versions", "search_earlier")


@admin.register(Bucket)
class BucketAdmin(RoleAdmin[Bucket]):
    """Sets of recordings."""

    add_action = change_action = Action.EDIT_CATALOGUE
    list_display = ["name", "number", "bucket_type", "intake_rule", "recording_count"]
    list_filter = ["bucket_type", "intake_rule"]
    search_fields = ["name"]
    fields = [*_OF_BUCKET, "created_by", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bucket]:
        """Annotate the number of recordings."""
        recordings = count_per_row(Recording.objects.all(), "bucket")
        present = super().get_queryset(request).filter(**PRESENT)
        return present.annotate(recordings_there=recordings)

    @admin.display(description=_("Id"), ordering="pk")
    def number(self, bucket: Bucket) -> int:
        """Return the bucket's id in the wire protocol."""
        return bucket.pk

    @admin.display(description=_("Recordings"), ordering="recordings_there")
    def recording_count(self, bucket: Any) -> SafeString:  # Any: carries an annotation
        """Return the number of recordings, linked to their list."""
        url = reverse("admin:catalogue_recording_changelist")
        return format_html(
            '<a class="num" href="{}?bucket__id__exact={}">{}</a>',
            url,
            bucket.pk,
            bucket.recordings_there,
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Bucket | None = None) -> list[str]:
        """Leave the type of a bucket as it was created: programs rely on it."""
        read_only = ["created_by", "created_at", "updated_at"]
        return read_only if obj is None else ["bucket_type", *read_only]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse people with access limits, who would not see the bucket."""
        may = super().has_add_permission(request)
        return may and not is_limited(user_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Bucket | None = None) -> bool:
        """Refuse changes to the bucket that the wire protocol reserves."""
        if obj is not None and obj.pk == ACRCLOUD_MUSIC_BUCKET_ID:
            return False
        return super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Bucket, form: Any, change: bool) -> None:
        """Save the bucket as the portal's pages do, with one event."""
        user = user_of(request)
        if not change:
            values = {name: form.cleaned_data[name] for name in _OF_BUCKET}
            obj.pk = create_bucket(**values, user=user).pk
            obj.refresh_from_db()
        elif form.changed_data:
            columns = {name: form.cleaned_data[name] for name in form.changed_data}
            stored = Bucket.objects.get(pk=obj.pk)
            update_bucket(bucket=stored, columns=columns, user=user)


@admin.register(Recording)
class RecordingAdmin(RoleAdmin[Recording]):
    """Recordings; their audio is added on the portal's page."""

    change_action = Action.EDIT_CATALOGUE
    form = RecordingEditForm
    list_display = ["title_shown", "bucket", "status", "custom_id", "code", "length", "match_count"]
    list_filter = [
        "status",
        "too_little_sound",
        ("bucket", PickFilter),
        "isrc_status",
        ("created_at", DaysFilter),
    ]
    search_fields = ["title", "artists", "=custom_id", "=isrc_normalised", "=uid"]
    search_help_text = _("Title, artist, or a whole id or ISRC")
    readonly_fields = (
        "uid",
        "acr_id",
        "bucket",
        "isrc_normalised",
        "isrc_status",
        "status",
        "status_message",
        "too_little_sound",
        "audio_name",
        "audio_sha256",
        "audio_bytes",
        "length",
        "listen",
        "added_by",
        "created_at",
        "updated_at",
    )
    fieldsets = [
        (None, {"fields": tuple(RecordingEditForm.base_fields)}),
        (_("Kept by the portal"), {"fields": readonly_fields}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        """Annotate the number of matches."""
        live = Match.objects.all()
        return (
            super()
            .get_queryset(request)
            .select_related("bucket", "added_by")
            .annotate(matches_there=count_per_row(live, "recording"))
        )

    @admin.display(description=_("Length"), ordering="duration_ms")
    def length(self, recording: Recording) -> SafeString:
        """Return the length of the audio, if known."""
        duration_ms = recording.duration_ms
        return number(read_clock(duration_ms) if duration_ms else formats.UNKNOWN)

    @admin.display(description=_("Matches"), ordering="matches_there")
    def match_count(self, recording: Any) -> SafeString:  # Any: carries an annotation
        """Return the number of matches, linked to their list."""
        return match_count_link(recording, "recording")

    @admin.display(description=_("Recording"), ordering="title")
    def title_shown(self, recording: Recording) -> SafeString:
        """Return the title and the artists."""
        return two_lines(recording.full_title, recording.artist_names)

    @admin.display(description=_("ISRC"), ordering="isrc_normalised")
    def code(self, recording: Recording) -> SafeString:
        """Return the ISRC and the result of its check."""
        return two_lines(recording.isrc or formats.UNKNOWN, recording.get_isrc_status_display())

    @admin.display(description=_("Listen"))
    def listen(self, recording: Recording) -> SafeString:
        """Return an audio player."""
        return player(audio_url(recording))

    def save_model(self, request: HttpRequest, obj: Recording, form: Any, change: bool) -> None:
        """Write the changed values as programs do, with one event."""
        columns = form.changed_columns()
        if columns:
            stored = Recording.objects.get(pk=obj.pk)
            update_recording(recording=stored, columns=columns, user=user_of(request))
