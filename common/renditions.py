"""The small playable rendition for browsers, made from any stored audio."""

from __future__ import annotations

import logging
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile

from common.media_analysis import decode_limits
from common.storage import FileOnDisk, local_path, replace_file, scratch_directory
from recognition import media
from recognition.errors import RecognitionError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "audio/webm"


def render(field: FieldFile, *, folder: str, key: str) -> str:
    """Make the rendition; return its storage name, or an empty string on failure."""
    name = f"{folder}/{key[:2]}/{key}.webm"
    try:
        with local_path(field) as source, scratch_directory() as scratch:
            rendition = scratch / "proxy.webm"
            media.write_proxy(source, rendition, limits=decode_limits())
            with FileOnDisk(rendition, name) as file:
                return replace_file(name, file)
    except RecognitionError:
        logger.exception("no rendition of %s", field.name)
        return ""


def keep(name: str, owner: QuerySet[Any]) -> None:  # Any: of a file or a recording
    """Store the rendition's name on its owner, or delete the rendition.

    ``owner`` is empty if the audio was removed or replaced meanwhile.
    """
    if not owner.update(proxy=name) and name:
        default_storage.delete(name)
