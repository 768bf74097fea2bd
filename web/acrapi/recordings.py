"""Adds recordings to a bucket as clients send them."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from base.accounts.models import User
from base.common.exchanges import LinkRefused
from base.common.fingerprint_files import looks_like_fingerprint, read_fingerprint
from base.common.http import check_link
from base.common.storage import display_name, read_bytes
from catalogue.identifiers import BadIdentifier, check_isrc, check_iswc, check_upc
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import add_recording as add_unchecked
from dedup.intake import add_recording, refuse_same_id
from recognition.fingerprints import file_format as fingerprint_file
from scanning.errors import IntakeRefused
from scanning.sources.links import link_name, too_large_message
from web.acrapi.errors import invalid

# Any in this module: JSON from clients.
Json = dict[str, Any]


def add_from_request(bucket: Bucket, fields: Json, user: User) -> Recording:
    """Add the recording of a valid request, under the bucket's intake rule."""
    data_type = fields["data_type"]
    if data_type == "audio_url":
        return _add_link(bucket, fields, user)
    if data_type == "acrid":
        return _add_known(bucket, fields, user)
    upload = fields.get("file")
    if upload is None:
        raise invalid(
            "file",
            "The file field is required: send the audio as multipart form data in "
            "the field 'file'.",
        )
    if upload.size == 0:
        raise IntakeRefused("empty_file", f"{upload.name} is empty (0 bytes). Nothing was added.")
    if upload.size > settings.ACRPORTAL_MAX_FILE_BYTES:
        raise IntakeRefused(
            "file_too_large", too_large_message(upload.name, upload.size), status=413
        )
    title = fields.get("title") or display_name(upload.name, otherwise="Untitled")
    details = _details_in(fields, title)
    # Clients often leave the data_type at its default.
    if data_type == "fingerprint" or looks_like_fingerprint(upload):
        fingerprint = read_fingerprint(upload, needs_scan_layer=False)
        return add_recording(bucket=bucket, details=details, fingerprint=fingerprint, user=user)
    return add_recording(bucket=bucket, details=details, audio=upload, user=user)


def _add_link(bucket: Bucket, fields: Json, user: User) -> Recording:
    url = fields.get("url", "").strip()
    try:
        check_link(url)
    except LinkRefused as error:
        raise invalid("url", f"This link is not allowed: {error}.", code="link_refused") from error
    details = _details_in(fields, fields.get("title") or link_name(url))
    refuse_same_id(bucket, details.custom_id)
    return add_unchecked(bucket=bucket, details=details, source_url=url, user=user)


def _add_known(bucket: Bucket, fields: Json, user: User) -> Recording:
    """Add a recording of another bucket by its acr_id."""
    acrid = fields.get("acrid", "").lower()
    original = Recording.objects.filter(
        acr_id=acrid, status=RecordingStatus.READY, bucket__deleted_at__isnull=True
    ).first()
    if original is None:
        raise invalid(
            "acrid",
            "Only ids of recordings on this server can be added, and there is no such "
            "recording. Upload its audio.",
            code="unknown_acrid",
        )
    fingerprint = fingerprint_file.from_bytes(read_bytes(original.fingerprint))
    # The client's data replaces that of the other bucket as a whole.
    user_defined = fields.get("user_defined") or original.user_defined
    title = fields.get("title") or original.title
    details = _details_in(fields | {"user_defined": user_defined}, title)
    return add_recording(bucket=bucket, details=details, fingerprint=fingerprint, user=user)


def _details_in(fields: Json, title: str) -> Recording:
    details = details_of(title, fields.get("user_defined", {}))
    details.custom_id = fields.get("audio_id", "")
    return details


def details_of(title: str, user_defined: Json) -> Recording:
    """Return a recording's details from user-defined data.

    Values also go into our own columns, except codes that are invalid.
    """
    # Clients send one artist as text, several as a list.
    names = user_defined.get("artists", user_defined.get("artist"))
    artists = names if isinstance(names, list) else [names]
    return Recording(
        title=title,
        artists=[name[:300] for artist in artists[:50] if (name := _name(artist))],
        album=_name(user_defined.get("album"))[:500],
        label=_name(user_defined.get("label"))[:300],
        isrc=check_isrc(_name(user_defined.get("isrc"))[:40]).normalised,
        upc=_check_code(check_upc, user_defined.get("upc")),
        iswc=_check_code(check_iswc, user_defined.get("iswc")),
        user_defined=user_defined,
    )


def _name(value: object) -> str:
    """Return a name given as text or as ``{"name": …}``."""
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value.strip() if isinstance(value, str) else ""


def _check_code(check: Any, value: object) -> str:
    try:
        return str(check(_name(value)))
    except BadIdentifier:
        return ""
