"""Serializers of the portal's own API."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from base.accounts.reach import sees_every_bucket
from base.common.api_requests import ChoiceField
from base.common.stored import read_stored
from base.common.territories import TERRITORIES, why_no_territory
from review.programmes.arrivals import read_arrival
from review.programmes.errors import ProgrammeRefused
from review.timeline.figures import matched_shares
from scanning import selectors
from scanning.choices import FileStatus, NoMatchReason, ScanStatus
from scanning.models import Container, Scan, ScannedFile
from scanning.progress import ScanProgress, progress_of
from scanning.services.intake import Details
from scanning.tags import tags_of
from web.portal.pictures.file import WHY_NO_MATCH
from web.portal.shared.arrivals import api_parts
from web.portal.shared.selectors import shown_matches


class EarlierSerializer(serializers.Serializer[dict[str, object]]):
    """An earlier file with the same bytes or link."""

    uid = serializers.UUIDField()
    name = serializers.CharField()
    url = serializers.CharField()
    scanned_at = serializers.DateTimeField()


class FileStateSerializer(serializers.Serializer[dict[str, object]]):
    """The state and progress of one scanned file."""

    uid = serializers.UUIDField()
    name = serializers.CharField()
    state = ChoiceField(choices=FileStatus.choices)
    state_label = serializers.CharField()
    stage = serializers.CharField()
    progress = serializers.IntegerField(min_value=0, max_value=100)
    message = serializers.CharField(allow_blank=True)
    code = serializers.CharField(allow_blank=True)
    url = serializers.CharField()
    match_count = serializers.IntegerField()
    duration_ms = serializers.IntegerField(help_text="The whole length; 0 until known.")
    decoded_ms = serializers.IntegerField(
        help_text="The length without the end that could not be decoded."
    )
    matched_pct = serializers.DecimalField(
        max_digits=5,
        decimal_places=2,
        allow_null=True,
        help_text="How much of the length matches name, a moment with several once.",
    )
    catalogue_state = serializers.IntegerField(
        allow_null=True, help_text="The state of the catalogue that was searched."
    )
    duplicate_of = EarlierSerializer(allow_null=True)


class DetailsSerializer(serializers.Serializer[None]):
    """The metadata of submitted files."""

    programme = serializers.CharField(required=False, default="", allow_blank=True)
    account = serializers.CharField(required=False, default="", allow_blank=True)
    published_at = serializers.DateTimeField(required=False, default=None, allow_null=True)
    territories = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text="Where the use is: ISO codes of two letters, separated by commas.",
    )
    tags = serializers.CharField(required=False, default="", allow_blank=True)

    def validate_territories(self, text: str) -> list[str]:
        """Return the codes in capitals; reject those that name no territory."""
        codes = [code for code in re.split(r"[,;\s]+", text.upper()) if code]
        wrong = [code for code in codes if code not in TERRITORIES]
        if wrong:
            raise serializers.ValidationError(why_no_territory(wrong[0]))
        return codes


class ArrivalSerializer(DetailsSerializer):
    """The metadata of submitted files, with their episode and what plug-ins add."""

    series = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)
    season = serializers.CharField(required=False, default="", allow_blank=True, max_length=40)
    episode = serializers.CharField(required=False, default="", allow_blank=True, max_length=40)
    episode_title = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=300
    )
    production_company = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=300
    )

    def get_fields(self) -> dict[str, Any]:
        """Add the fields of other features. Any: of fields of all kinds."""
        fields = super().get_fields()
        for part in api_parts:
            fields.update(part.fields())
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Read what the fields say together. Any: JSON."""
        values = attrs
        for part in api_parts:
            values = part.read(values)
        try:
            attrs["arrival"] = read_arrival(values)
        except ProgrammeRefused as refused:
            raise serializers.ValidationError({refused.field: [str(refused)]}) from refused
        return attrs


class SubmitSerializer(ArrivalSerializer):
    """The container of submitted files, and their metadata."""

    container = serializers.PrimaryKeyRelatedField(queryset=Container.objects.present())


class AddressSerializer(serializers.Serializer[None]):
    """Where one file is on the web."""

    source_url = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=2000,
        help_text="Where the file is on the web, as a link.",
    )


class UploadSerializer(SubmitSerializer, AddressSerializer):
    """One uploaded file and its metadata."""

    file = serializers.FileField(allow_empty_file=True)
    scan_again = serializers.BooleanField(required=False, default=False)


class BeginUploadSerializer(serializers.Serializer[None]):
    """A file that will arrive in pieces."""

    container = serializers.PrimaryKeyRelatedField(queryset=Container.objects.present())
    name = serializers.CharField(max_length=500)
    size_bytes = serializers.IntegerField(min_value=0)


class FinishUploadSerializer(ArrivalSerializer, AddressSerializer):
    """The metadata of a file that arrived in pieces."""

    scan_again = serializers.BooleanField(required=False, default=False)


class KnownBytesSerializer(serializers.Serializer[None]):
    """The bytes of a file, by their hash."""

    container = serializers.PrimaryKeyRelatedField(queryset=Container.objects.present())
    sha256 = serializers.RegexField("^[0-9a-f]{64}$")


class SubmitLinksSerializer(SubmitSerializer):
    """Links and the metadata that applies to all of them."""

    links = serializers.ListField(
        child=serializers.CharField(max_length=2001),
        min_length=1,
        max_length=settings.DATA_UPLOAD_MAX_NUMBER_FILES,
    )
    scan_again = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Scan links that were submitted to the container before.",
    )


class LinkTextSerializer(serializers.Serializer[None]):
    """A text with links in it, such as a message or a part of a page."""

    text = serializers.CharField(max_length=500_000, allow_blank=True)


class FoundLinksSerializer(serializers.Serializer[None]):
    """The links in a text."""

    links = serializers.ListField(child=serializers.CharField())


class LinkResultSerializer(serializers.Serializer[dict[str, object]]):
    """The result of submitting one link: its new file, or why it was refused.

    A link that was submitted before is refused, and ``file`` is the earlier file.
    """

    link = serializers.CharField()
    accepted = serializers.BooleanField()
    message = serializers.CharField(allow_blank=True)
    code = serializers.CharField(allow_blank=True)
    file = FileStateSerializer(allow_null=True)


@extend_schema_serializer(component_name="AttachAudio")
class AttachAudioSerializer(serializers.Serializer[None]):
    """The audio for a link from which none could be fetched."""

    file = serializers.FileField(allow_empty_file=True)


def details_of(data: Details) -> Details:
    """Return the metadata in validated request data; ``tags`` are split at commas."""
    tags = [tag.strip() for tag in data["tags"].split(",")]
    # Requests that submit a link have no second address.
    address = {"source_url": data["source_url"]} if "source_url" in data else {}
    return {
        **address,
        "programme": data["programme"][:300],
        "account": data["account"][:300],
        "published_at": data["published_at"],
        "tags": tags_of(territories=data["territories"], words=[tag for tag in tags if tag]),
    }


def file_state(file: ScannedFile, *, duplicate: bool = False) -> dict[str, object]:
    """Return the state of one file as ``FileStateSerializer`` describes it.

    With ``duplicate`` the answer also names the file as the earlier one.
    """
    scan = selectors.latest_scan(file)
    # Files of imported results may be without a scan.
    progress = (
        progress_of([scan])[scan.pk]
        if scan is not None
        else ScanProgress(str(ScanStatus.QUEUED.label), 100)
    )
    url = reverse("portal:file_detail", args=[file.uid])
    matches = shown_matches().filter(scanned_file=file).count()
    return {
        "uid": file.uid,
        "name": file.name,
        "state": file.status,
        "state_label": file.get_status_display(),
        "stage": progress.stage,
        "progress": progress.percent,
        "message": read_stored(file.message) or _summary(file, matches, scan),
        "code": file.error_code,
        "url": url,
        "match_count": matches,
        "duration_ms": file.length_ms,
        "decoded_ms": file.decoded_ms,
        "matched_pct": matched_shares([file]).get(file.pk),
        "catalogue_state": scan.catalogue_state if scan is not None else None,
        "duplicate_of": {
            "uid": file.uid,
            "name": file.name,
            "url": url,
            "scanned_at": file.created_at,
        }
        if duplicate
        else None,
    }


def _summary(file: ScannedFile, matches: int, scan: Scan | None) -> str:
    if file.status == FileStatus.NO_MATCH:
        if scan is not None and scan.no_match_reason == NoMatchReason.NO_BUCKET:
            return str(WHY_NO_MATCH[NoMatchReason.NO_BUCKET])
        return gettext("Nothing in the catalogue matched.")
    if file.status == FileStatus.READY and not matches and not sees_every_bucket():
        return gettext("No match in your buckets.")
    return ""
