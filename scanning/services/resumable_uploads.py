"""Takes files in pieces, and makes scanned files of them."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.common.databases import one_at_a_time
from base.common.reading import read_number
from base.common.storage import FileOnDisk, display_name, scratch_directory
from scanning.errors import IntakeRefused
from scanning.models import Container, ResumableUpload, UploadPiece
from scanning.services import intake, quotas
from scanning.services.intake import Details, Submission

# One piece is held in memory, and is lost if the connection breaks within it.
MAX_PIECE_BYTES = 8 * 1024**2
# An upload without a new piece for this long is abandoned.
KEPT_FOR = timedelta(days=1)
_CHUNK_BYTES = 1024 * 1024


def begin_upload(
    *, container: Container, name: str, size_bytes: int, user: User
) -> ResumableUpload:
    """Announce a file that arrives in pieces.

    Raise ``IntakeRefused`` if the person has too many open files or unfinished uploads,
    too many of their bytes, or if the file would be refused for its size.
    """
    intake.refuse_too_many_open(user)
    name = display_name(name, otherwise="upload")
    intake.check_size(name, size_bytes)
    mine = ResumableUpload._base_manager.filter(user=user, scanned_file=None)
    with one_at_a_time(f"unfinished:{user.pk}"):
        unfinished = quotas.unfinished_bytes(user) + size_bytes
        quotas.refuse_unfinished(count=mine.count() + 1, size_bytes=unfinished)
        quotas.refuse_over_day(user, unfinished)
        return ResumableUpload.objects.create(
            container=container, name=name, size_bytes=size_bytes, user=user
        )


def take_piece(*, upload: ResumableUpload, offset: int, data: bytes) -> ResumableUpload:
    """Store the piece that begins at ``offset``; return the upload with its new offset.

    Raise ``IntakeRefused`` if the piece begins elsewhere than the bytes so far end, or
    if it is longer than the announced file.
    """
    _check_piece(upload, offset, len(data))
    if not data:
        return upload
    name = f"pieces/{upload.uid.hex}/{offset:014d}-{uuid.uuid4().hex}"
    stored = default_storage.save(name, ContentFile(data))
    try:
        with transaction.atomic():
            current = ResumableUpload.objects.select_for_update().get(pk=upload.pk)
            _check_piece(current, offset, len(data))
            UploadPiece.objects.create(upload=current, offset_bytes=offset, file=stored)
            current.offset_bytes += len(data)
            current.touched_at = datetime.now(tz=UTC)
            current.save(update_fields=["offset_bytes", "touched_at"])
    except BaseException:
        default_storage.delete(stored)
        raise
    return current


def finish_upload(*, upload: ResumableUpload, details: Details, scan_again: bool) -> Submission:
    """Make a scanned file of a complete upload, and queue its scan.

    An upload that was finished before returns the same file. If the container holds the
    same bytes already, return that file and keep the pieces, so that the person can ask
    again with ``scan_again``.
    """
    if upload.scanned_file is not None:
        return Submission(upload.scanned_file)
    if upload.offset_bytes != upload.size_bytes:
        raise IntakeRefused(
            "incomplete",
            _("%(name)s is not complete: %(sent)s of %(size)s bytes have arrived.")
            % {
                "name": upload.name,
                "sent": read_number(upload.offset_bytes),
                "size": read_number(upload.size_bytes),
            },
            status=409,
        )
    intake.refuse_too_many_open(upload.user)
    if upload.sha256:
        # Whoever asks again must not have gigabytes read again for the same answer.
        earlier = None if scan_again else intake.file_of_bytes(upload.container, upload.sha256)
        if earlier is not None:
            return Submission(earlier, seen_before=True)
        quotas.refuse_over_day(upload.user, upload.size_bytes)
    with scratch_directory() as folder:
        whole = _write_file(upload, folder / "whole")
        upload.sha256 = str(whole.sha256)
        upload.save(update_fields=["sha256"])
        done = intake.submit_upload(
            container=upload.container,
            upload=whole,
            user=upload.user,
            details=details,
            scan_again=scan_again,
            name=upload.name,
            waited_for=True,
        )
    if not done.seen_before:
        upload.scanned_file = done.scanned_file
        upload.save(update_fields=["scanned_file"])
        _delete_pieces(upload)
    return done


def discard_upload(upload: ResumableUpload) -> None:
    """Delete an upload and its pieces; a file made of it stays."""
    _delete_pieces(upload)
    upload.delete()


def discard_abandoned() -> int:
    """Discard uploads without a new piece for a day; return how many."""
    before = datetime.now(tz=UTC) - KEPT_FOR
    abandoned = list(ResumableUpload.objects.filter(touched_at__lt=before)[:200])
    for upload in abandoned:
        discard_upload(upload)
    return len(abandoned)


def _write_file(upload: ResumableUpload, path: Path) -> FileOnDisk:
    """Write all pieces into one file, hashed on the way."""
    digest = hashlib.sha256()
    with path.open("wb") as whole:
        for piece in UploadPiece.objects.filter(upload=upload):
            with piece.file.open("rb") as source:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    whole.write(chunk)
    file = FileOnDisk(path, upload.name)
    file.sha256 = digest.hexdigest()
    return file


def _delete_pieces(upload: ResumableUpload) -> None:
    for piece in UploadPiece.objects.filter(upload=upload):
        default_storage.delete(str(piece.file))
        piece.delete()


def _check_piece(upload: ResumableUpload, offset: int, length: int) -> None:
    if offset != upload.offset_bytes:
        raise IntakeRefused(
            "wrong_offset",
            _("%(name)s continues at byte %(offset)s.")
            % {"name": upload.name, "offset": read_number(upload.offset_bytes)},
            status=409,
        )
    if offset + length > upload.size_bytes:
        raise IntakeRefused(
            "too_long",
            _("%(name)s was announced with %(size)s bytes, but more were sent.")
            % {"name": upload.name, "size": read_number(upload.size_bytes)},
            status=413,
        )
