"""A drop in an S3 bucket that the operator allows: one prefix, moved or tagged."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.utils.translation import gettext as _

from base.common.object_storage import ObjectStorage
from scanning.drops.places import (
    REASON_SUFFIX,
    DropFile,
    FileChanged,
    FileUnreadable,
    NotPutAway,
    PlaceFailed,
    Report,
    bucket_and_prefix,
)

_CHUNK_BYTES = 1024 * 1024
_TAG = "acrportal"
_REASON_TAG = "acrportal-reason"
# What the value of a tag may hold.
_NOT_IN_TAGS = re.compile(r"[^\w \-+=.:/@]")
_GONE = {"404", "NoSuchKey", "412", "PreconditionFailed"}


class BucketPlace:
    """The objects below a prefix; an object is its key with its ETag."""

    def __init__(self, place: str, *, tag: bool) -> None:
        self._bucket, self._prefix = bucket_and_prefix(place)
        self._tag = tag
        # The address is the operator's, with the time limits of the portal's own storage.
        storage = ObjectStorage(**settings.ACRPORTAL_DROP_STORES[self._bucket])
        self._client: Any = storage.connection.meta.client  # boto3 has no types

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def files(self) -> Iterator[DropFile]:
        """Yield all objects below the prefix; raise ``PlaceFailed``."""
        pages = self._client.get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for entry in page.get("Contents", []):
                    path = entry["Key"][len(self._prefix) :]
                    if path and not path.endswith("/"):
                        yield DropFile(path, entry["Size"], entry["ETag"])
        except (ClientError, BotoCoreError) as error:
            raise PlaceFailed(
                _("The bucket cannot be listed: %(error)s.") % {"error": error}
            ) from error

    def copy(self, file: DropFile, target: BinaryIO, report: Report) -> str:
        """Fetch an object and return its SHA-256; see ``DropPlace``."""
        digest = hashlib.sha256()
        length = 0
        with self._asking():
            answer = self._client.get_object(**self._object_key(file), IfMatch=file.version)
        for chunk in self._chunks(answer["Body"]):
            report()
            target.write(chunk)
            digest.update(chunk)
            length += len(chunk)
        if length != file.size_bytes:
            raise FileChanged
        return digest.hexdigest()

    def put_away(
        self, file: DropFile, sidecars: Sequence[DropFile], ending: str, reason: str
    ) -> None:
        """Tag an object, or move it below ``ending``; see ``DropPlace``."""
        try:
            with self._asking():
                if self._tag:
                    self._put_tag(file, ending, reason)
                else:
                    self._check(file)
                    free = self._free_path(f"{ending}/{file.path}", file)
                    if reason:
                        self._client.put_object(
                            Bucket=self._bucket,
                            Key=self._prefix + free + REASON_SUFFIX,
                            Body=f"{reason}\n".encode(),
                            ContentType="text/plain; charset=utf-8",
                        )
                    for sidecar in sidecars:
                        self._move(sidecar, free + sidecar.path.removeprefix(file.path))
                    self._move(file, free)
        except FileUnreadable as error:
            raise NotPutAway(str(error)) from error

    def _put_tag(self, file: DropFile, ending: str, reason: str) -> None:
        self._check(file)
        tags = {_TAG: ending}
        if reason:
            tags[_REASON_TAG] = _NOT_IN_TAGS.sub(" ", reason)[:256]
        tag_set = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._client.put_object_tagging(**self._object_key(file), Tagging={"TagSet": tag_set})

    def _move(self, file: DropFile, path: str) -> None:
        self._client.copy(self._object_key(file), self._bucket, self._prefix + path)
        # Somebody may have written another object under the key.
        self._check(file)
        self._client.delete_object(**self._object_key(file))

    def _check(self, file: DropFile) -> None:
        if self._client.head_object(**self._object_key(file))["ETag"] != file.version:
            raise FileChanged

    def _free_path(self, path: str, file: DropFile) -> str:
        """Return the path, with a number unless it is free or holds the same object."""
        stem, dot, suffix = path.rpartition(".")
        for number in count(2):
            try:
                there = self._client.head_object(Bucket=self._bucket, Key=self._prefix + path)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE:
                    raise
                return path
            if there["ETag"] == file.version:
                return path
            path = f"{stem} ({number}){dot}{suffix}"
        raise AssertionError

    def _object_key(self, file: DropFile) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + file.path}

    def _chunks(self, body: Any) -> Iterator[bytes]:  # Any: boto3 has no types
        try:
            while True:
                with self._asking():
                    chunk = body.read(_CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk
        finally:
            body.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Raise ``FileChanged`` if an object is gone, or ``FileUnreadable``."""
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise FileChanged from error
            raise FileUnreadable(_unanswered(error)) from error
        except BotoCoreError as error:
            raise FileUnreadable(_unanswered(error)) from error


def _unanswered(error: Exception) -> str:
    return _("The storage refused: %(error)s.") % {"error": error}
