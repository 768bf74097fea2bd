"""Build a new copy of the landmark index beside the old one, then switch to it.

Needed after an engine upgrade that changes the index, and after damage that nobody has
met in a search. Stored fingerprints suffice; if another engine made them or they are
lost, they are made again from the audio.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.utils.translation import gettext_noop

from base.common.media_analysis import AudioRefused
from base.common.outages import outage_of
from catalogue import following, index_log, index_store, partitions
from catalogue.fingerprinting import note_sound, refresh_fingerprint
from catalogue.index_copy import UNREADABLE, with_recordings
from catalogue.index_log import LoggedChange
from catalogue.models import Recording, RecordingStatus
from recognition.errors import IndexUnavailable, RecognitionError
from recognition.index.segment import Postings

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Rebuilt:
    """The counts of a rebuild.

    ``already_indexed`` were indexed by an earlier, interrupted one.
    """

    already_indexed: int = 0
    indexed: int = 0
    fingerprinted: int = 0
    failed: int = 0


def needs_rebuild() -> bool:
    """Return whether this machine's index is damaged or was built by another engine."""
    try:
        for partition in partitions.held():
            following.open_partition(partition)
    except IndexUnavailable:
        # An unreachable index is not damaged.
        raise
    except RecognitionError:
        return True
    return False


def rebuild_index(progress: Callable[[Rebuilt], None], *, resume: bool = False) -> Rebuilt:
    """Index every searchable recording again; call ``progress`` after each batch.

    Readers use the old index until the new one is complete. A stopped rebuild leaves
    the old index unchanged, and the next one with ``resume`` continues it.
    """
    counts = Rebuilt()
    # Rows that were changed by hand have their copies follow them as well.
    index_log.note_change(index_log.unnoted().values_list("pk", flat=True))
    if resume:
        counts.already_indexed = following.built_so_far()
    following.build(
        read=partial(_read, counts=counts),
        report=lambda _done, _all: progress(counts),
        resume=resume,
    )
    # Catch up on what changed during the rebuild.
    following.bring_up()
    return counts


def _read(changes: Sequence[LoggedChange], counts: Rebuilt) -> list[Postings]:
    read = []
    for change, recording in with_recordings(changes):
        try:
            postings = _postings_of(recording, counts)
        except (AudioRefused, *UNREADABLE) as error:
            if outage_of(error) is not None:
                # The storage is unreachable, so nothing is known to be lost.
                raise
            if index_log.is_replaced(change):
                continue
            logger.exception("recording %s could not be indexed", recording.uid)
            _give_up(recording)
            counts.failed += 1
        else:
            read.append(postings)
            note_sound(recording, postings)
            counts.indexed += 1
    return read


def _give_up(recording: Recording) -> None:
    with transaction.atomic():
        # The filter skips recordings that were retired in the meantime.
        Recording._base_manager.filter(pk=recording.pk, status=RecordingStatus.READY).update(
            status=RecordingStatus.ERROR,
            status_message=gettext_noop(
                "The fingerprint is missing or incompatible and could not be "
                "rebuilt. Upload the audio again."
            ),
        )
        index_log.note_change([recording.pk])


def _postings_of(recording: Recording, counts: Rebuilt) -> Postings:
    try:
        return index_store.postings_of(recording)
    except UNREADABLE as error:
        if not recording.audio or outage_of(error) is not None:
            raise
        refresh_fingerprint(recording)
        counts.fingerprinted += 1
        return index_store.postings_of(recording)
