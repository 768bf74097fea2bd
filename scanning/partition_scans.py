"""Searches a catalogue whose partitions lie on several machines, by questions to each.

The rows of a search hold all that it knows between two questions, so any machine may
continue it. Each question is a job for a machine that holds the partition; the last
answer wakes the scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic, sleep
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from base.common.storage import read_bytes
from base.jobs import clock
from base.jobs.context import JobContext
from base.jobs.errors import Cancelled, Failed, Retry, WaitsUntil
from base.jobs.services import submit
from catalogue import following, index_log, index_store, partitions
from catalogue.partitions import Partition
from recognition import interrupts
from recognition.errors import IndexUnavailable, ParamsMismatch
from recognition.fingerprints import file_format as fingerprint_file
from recognition.params import DEFAULT
from recognition.partitioned.answering import answer
from recognition.partitioned.questions import (
    BadAnswer,
    Question,
    answer_from_bytes,
    answer_to_bytes,
)
from recognition.partitioned.scanning import PartitionedScan
from recognition.relate.tracks import scan_tracks
from recognition.search.policy import ScanPolicy
from recognition.types import Fingerprint, ScanResult
from recognition.verify.calibration import catalogue_hours
from scanning.fingerprints import Sound
from scanning.jobs import PARTITION_QUESTION, unanswered, wake_scan
from scanning.models import PartitionQuestion, PartitionSearch, Scan

# The last answer wakes a scan. In case that answer came before the scan waited, the scan
# also looks by itself, less often the longer it waits.
_LOOK_AGAIN: Final = timedelta(seconds=2)
_LOOK_SELDOM: Final = timedelta(seconds=30)
# Workers report the size of their partitions every second.
_LATE: Final = timedelta(seconds=1)
_CLIP_SECONDS: Final = 20.0
_CLIP_LOOK_SECONDS: Final = 0.05
# After this time, the process that searched a clip must have died.
_FORGOTTEN_AFTER: Final = timedelta(minutes=10)


def search(
    scan: Scan, sound: Sound, buckets: Sequence[int], policy: ScanPolicy
) -> tuple[ScanResult, int]:
    """Return the result of a scan, and the state of the catalogue that it searched.

    Raises ``WaitsUntil`` while partitions answer: the scan begins again then, and goes
    on here.
    """
    states: list[int] = []

    def search_track(query: Fingerprint) -> ScanResult:
        is_stored = query is sound.main and not sound.is_widened
        stored = b"" if is_stored else fingerprint_file.to_bytes(query)
        result, state = _scan_sound(scan, query, stored, buckets, policy)
        states.append(state)
        return result

    result = scan_tracks(sound.main, sound.tracks, search_track)
    scan.partition_searches.all().delete()
    return result, min(states)


def _scan_sound(
    scan: Scan, query: Fingerprint, sound: bytes, buckets: Sequence[int], policy: ScanPolicy
) -> tuple[ScanResult, int]:
    """Return the result for one sound, whose row stays until the scan has all."""
    count = len(partitions.every())
    search = scan.partition_searches.filter(query=sound, partitions=count).first()
    if search is None:
        search = _begin(scan, query, sound, buckets, policy)
    try:
        result = _go_on(search, query, for_person=False)
    except (BadAnswer, ParamsMismatch) as error:
        # Another version began it, or answered.
        search.delete()
        raise Retry(str(error)) from error
    if result is None:
        age = clock.now() - search.created_at
        pause = min(_LOOK_SELDOM, max(_LOOK_AGAIN, age / 4))
        raise WaitsUntil(clock.now() + pause, _why_it_waits(search))
    return result, search.catalogue_state


def identify_clip(query: Fingerprint, buckets: Sequence[int]) -> ScanResult:
    """Return the result for a clip, which somebody waits for.

    Raises ``IndexUnavailable`` if a partition does not answer in time.
    """
    old = PartitionSearch.objects.filter(scan=None)
    old.filter(created_at__lt=clock.now() - _FORGOTTEN_AFTER).delete()
    until = monotonic() + _CLIP_SECONDS
    search: PartitionSearch | None = None
    try:
        while True:
            try:
                search = search or _begin(
                    None, query, fingerprint_file.to_bytes(query), buckets, ScanPolicy()
                )
                result = _go_on(search, query, for_person=True)
            except WaitsUntil as late:
                result, why = None, late.cause
            except Failed as failed:
                raise IndexUnavailable(failed.cause) from failed
            else:
                why = _why_it_waits(search)
            if result is not None:
                return result
            if monotonic() > until:
                raise IndexUnavailable(why)
            interrupts.look()
            sleep(_CLIP_LOOK_SECONDS)
    finally:
        if search is not None:
            search.delete()


def _begin(
    scan: Scan | None, query: Fingerprint, sound: bytes, buckets: Sequence[int], policy: ScanPolicy
) -> PartitionSearch:
    hours, state = size_of(buckets)
    going = PartitionedScan.start(
        query, buckets=buckets, hours=hours, load=index_store.kept_landmarks(), policy=policy
    )
    return PartitionSearch.objects.create(
        scan=scan,
        partitions=len(partitions.every()),
        query=sound,
        state=going.state(),
        catalogue_state=state,
    )


def size_of(buckets: Sequence[int]) -> tuple[float, int]:
    """Return the hours of all partitions of some buckets, at which state.

    Raises ``WaitsUntil`` while a partition has not reported its size at this state.
    """
    state = index_log.count_changes().position
    postings = following.catalogue_postings(buckets, since=state)
    if postings is None:
        if missing := following.unheld():
            raise WaitsUntil(clock.now() + _LOOK_SELDOM, _no_machine(missing))
        why = _("Waiting until all partitions have followed the catalogue.")
        raise WaitsUntil(clock.now() + _LATE, why)
    return catalogue_hours(postings), state


def _go_on(search: PartitionSearch, query: Fingerprint, *, for_person: bool) -> ScanResult | None:
    """Follow the answers, and ask the next question; return the result at the end."""
    questions = list(search.questions.order_by("partition"))
    refused = next((question for question in questions if question.cause), None)
    if refused is not None:
        raise Failed(
            "engine_error",
            _("Partition %(number)d was not searched. %(cause)s")
            % {"number": refused.partition, "cause": refused.cause},
        )
    if any(question.answer is None for question in questions):
        return None
    going = PartitionedScan.resume(query, bytes(search.state), load=index_store.kept_landmarks())
    if search.asked:
        question = Question.from_bytes(bytes(search.question), DEFAULT)
        going.take(
            question,
            [
                answer_from_bytes(bytes(asked_partition.answer or b""))
                for asked_partition in questions
            ],
        )
    next_question = going.question()
    if next_question is None:
        return going.result()
    _ask(search, going.state(), next_question, for_person=for_person)
    return None


@transaction.atomic
def _ask(search: PartitionSearch, state: bytes, question: Question, *, for_person: bool) -> None:
    """Ask every partition, unless another process has done so meanwhile."""
    now_asked = search.asked + 1
    if not PartitionSearch.objects.filter(pk=search.pk, asked=search.asked).update(
        asked=now_asked, state=state, question=question.to_bytes(DEFAULT)
    ):
        search.refresh_from_db()
        return
    search.refresh_from_db()
    for partition in partitions.every():
        row, _made = PartitionQuestion.objects.update_or_create(
            search=search, partition=partition.number, defaults={"asked": now_asked, "answer": None}
        )
        submit(PARTITION_QUESTION, row, person_waits=for_person)


def _why_it_waits(search: PartitionSearch) -> str:
    if missing := following.unheld():
        return _no_machine(missing)
    unanswered = search.questions.filter(answer=None).order_by("partition")
    numbers = unanswered.values_list("partition", flat=True)
    return _("Waiting for partition %(numbers)s.") % {"numbers": ", ".join(map(str, numbers))}


def _no_machine(missing: Sequence[Partition]) -> str:
    return _(
        "No machine with partition %(numbers)s of %(count)d has reported lately. "
        "Start its worker, or let another machine hold the partition."
    ) % {
        "numbers": ", ".join(str(partition.number) for partition in missing),
        "count": missing[0].count,
    }


def answer_question(context: JobContext) -> None:
    """Answer one question from this machine's index of the partition."""
    partition_question: PartitionQuestion = context.subject
    search = partition_question.search
    partition = Partition(partition_question.partition, search.partitions)
    if partition_question.answer is not None or search.asked != partition_question.asked:
        return
    question = Question.from_bytes(bytes(search.question), DEFAULT)
    query = _query_of(search)

    def go_on(_done: int, _all: int) -> None:
        context.report()

    with following.searched_partition(partition, go_on) as (index, _position):
        partition_answer = answer(
            question,
            query,
            index=index,
            tables=index.place_tables(question.buckets),
            progress=context.report,
        )
    with transaction.atomic():
        # The lock lets the last of two answers at once see the other.
        if not PartitionSearch.objects.select_for_update().filter(pk=search.pk):
            raise Cancelled
        unanswered(partition_question).update(answer=answer_to_bytes(partition_answer))
        context.finish()
        wake_scan(search)


def _query_of(search: PartitionSearch) -> Fingerprint:
    if search.query or search.scan is None:
        return fingerprint_file.from_bytes(bytes(search.query))
    return fingerprint_file.from_bytes(read_bytes(search.scan.scanned_file.fingerprint))
