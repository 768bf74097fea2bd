"""Checks, made now and then, that pages, lists, reports and the database agree."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import openpyxl
import time_machine
from django.core import mail
from django.db.models import Model, Q
from lxml import html
from pyarrow import parquet

from base.accounts.models import User
from base.jobs import resources
from base.jobs.choices import OPEN_STATES, Pool
from base.jobs.kinds import regular_work
from base.jobs.models import Job
from catalogue.models import Recording, RecordingStatus
from imports.models import OPEN_STATUSES
from reports import files
from reports.choices import UNFINISHED, Format, RunState, Separator
from reports.evidence.models import ACTIVE_PACK_STATUSES, EvidencePack
from reports.layouts import Layout
from reports.models import ReportDelivery, ReportRun
from reports.services import write_again
from review.choices import WAITING_STATES, MatchState
from review.models import Match
from scanning.choices import ACTIVE_SCAN_STATUSES, EngineChoice, FileStatus, RetroStatus, ScanStatus
from scanning.cloud_jobs import CLOUD_SCAN
from scanning.models import CloudJob, Detection, PartitionSearch, RetroSearch, Scan, ScannedFile
from scanning.services.scans import request_scan
from tests.registered import SEASON, Table
from tests.season import outside, readers, samples, world
from tests.season.invariants import broken_chains, check, text_of, wrong_names
from tests.season.machines import Machines
from tests.season.people import Person
from tests.season.routes import Route
from tests.seconds import differing_seconds
from tests.visible_text import faults_in

# The lists that the dashboard's numbers open; some numbers have no link.
_NUMBER = re.compile(r"[\d,]+")
_WORKING_ROUNDS = 8
_ADMIN_PAGES = 30
_NARROW = Q(low_hz__gt=0) | Q(high_hz__gt=0)
_TELLING = ("file_id", "match_id", "review_state", "title", "segment_id")


UNFINISHED_ROWS: Table[str, Callable[[], Iterable[Model]]] = Table({}, SEASON)
"""Rows of plug-ins whose work is not done."""
ENDLESS: Table[str, str] = Table({}, SEASON)
"""Kinds of jobs that go on without end, and why."""


def figures_agree(people: dict[str, Person], rng: random.Random) -> None:
    """Check that each list holds its state's matches and each number equals its list."""
    person = people[rng.choice(["mira", "adam", "max"])]
    _lists_hold_their_states(person, rng.sample(list(MatchState), 3))
    _numbers_open_their_lists(people[rng.choice(["mira", "lena", "lou", "vera"])])
    _reports_agree(person, rng)
    _seconds_agree(rng)
    readers.check_days(person, people["ben"], rng)
    with readers.english(person):
        for match in rng.sample(_live(), min(3, len(_live()))):
            _page_says_what_events_say(person, match)


def _live() -> list[Match]:
    return list(Match._base_manager.order_by("pk"))


def _seconds_agree(rng: random.Random) -> None:
    """Check that page, reports and cue sheet of some files state the same seconds."""
    files = list(ScannedFile.objects.filter(matches__isnull=False).distinct())
    for file in rng.sample(files, min(3, len(files))):
        faults = list(differing_seconds(file))
        check(not faults, "; ".join(faults))


def every_file_adds_up() -> None:
    """Check that the intervals of each file add up to its length, to the millisecond."""
    for file in ScannedFile._base_manager.order_by("pk"):
        faults = list(differing_seconds(file))
        check(not faults, "; ".join(faults))


def _lists_hold_their_states(person: Person, states: Iterable[MatchState]) -> None:
    present = Q(scanned_file__deleted_at__isnull=True)
    for state in states:
        uids = person.read_list(f"/matches/?state={state}")
        rows = Match._base_manager.filter(state=state)
        if state in (*WAITING_STATES, MatchState.SUPPRESSED):
            rows = rows.filter(present)
        _same(uids, rows.values_list("uid", flat=True), f"the list of {state} matches")
    waiting = Match._base_manager.filter(present, state__in=WAITING_STATES)
    _same(
        person.read_list("/queue/?view=waiting"), waiting.values_list("uid", flat=True), "the queue"
    )
    _same(
        person.read_list("/queue/?view=escalated"),
        waiting.filter(state=MatchState.ESCALATED).values_list("uid", flat=True),
        "the escalated matches",
    )
    _same(
        person.read_list("/queue/?view=waiting&band=yes"),
        waiting.filter(_NARROW).values_list("uid", flat=True),
        "the queue of what is heard only in a frequency range",
    )


def _same(uids: Iterable[str], there: Iterable[str], label: str) -> None:
    uids, there = set(uids), set(there)
    check(
        uids == there,
        f"{label} shows too much {sorted(uids - there)}, lacks {sorted(there - uids)}",
    )


def _numbers_open_their_lists(person: Person) -> None:
    dashboard = html.document_fromstring(person.open("/").content)
    for link in dashboard.xpath("//main//a[contains(@class, 'number')]"):
        target = link.get("href")
        figure = _NUMBER.search(link.text_content())
        if figure is None or not target.startswith(("/queue/", "/matches/")):
            continue
        if "disputes" in target:
            continue
        count = int(figure[0].replace(",", ""))
        if "view=mine" in target:
            # The number counts locked matches; the list also shows assigned ones.
            continue
        uids = person.read_list(target if "?" in target else f"{target}?")
        if "found_from" in target:
            # Weekly figures are cached for a minute.
            continue
        check(
            len(uids) == count,
            f"the dashboard of {person.name} says {count}, {target} has {len(uids)}",
        )


def _reports_agree(person: Person, rng: random.Random) -> None:
    """Check that the report holds every live match, identically in each format."""
    one_state = [{"state": state.value} for state in MatchState]
    query = rng.choice([{}, {"band": "yes"}, *one_state])
    address = "/api/portal/v1/reports/stream/"
    fields: dict[str, object] = {"mode": "match", "files_without": "none"}
    fields["filters"] = {name: [value] for name, value in query.items()}
    lines = person.call("POST", address, fields | {"format": "csv"})
    check(lines.status == 200, f"report stream: {lines.status} {lines.content[:200]!r}")
    rows = list(csv.DictReader(io.StringIO(lines.content.decode("utf-8-sig"))))
    answer = person.call("POST", address, fields | {"format": "jsonl"})
    objects = [json.loads(line) for line in answer.content.splitlines() if line]
    _same(
        [row["match_id"] for row in rows if row["match_id"]],
        [row["match_id"] for row in objects if row["match_id"]],
        "the CSV report, against JSON Lines,",
    )
    uids = person.read_list(f"/matches/?{urlencode(query)}")
    _same(
        [row["match_id"] for row in rows if row["match_id"]],
        uids,
        f"the report of {query}, against the list,",
    )
    if "band" in query:
        narrow = Match._base_manager.filter(_NARROW).values_list("uid", flat=True)
        _same(uids, {*narrow} & person.read_list("/matches/?"), f"the list of {query}")
    states = dict(Match._base_manager.values_list("uid", "state"))
    for row in rows:
        if row["match_id"]:
            check(
                row["review_state"] == states[row["match_id"]],
                f"the report calls {row['match_id']} {row['review_state']}",
            )


def _page_says_what_events_say(person: Person, match: Match) -> None:
    answer = person.open(f"/m/{match.uid}")
    check(answer.status == 200, f"{match.case}: {answer.status}")
    wrong = list(wrong_names(match, text_of(answer.content)))
    check(not wrong, f"{answer.url}: {wrong}")
    message = person.call("GET", f"/api/portal/v1/matches/{match.uid}/")
    if message.status == 200:
        current = Match._base_manager.get(pk=match.pk)
        body = message.json()
        check(body["state"] == current.state, f"the API calls {match.case} {body}")


def nothing_waits_for_ever(time: time_machine.Traveller, machines: Machines) -> None:
    """Do all work while hours pass; fail if work remains."""
    machines.come_back()
    faults: list[str] = []
    for _ in range(_WORKING_ROUNDS):
        began = datetime.now(tz=UTC)
        machines.work()
        faults = _unfinished_work(began)
        if not faults:
            return
        # Leases expire and pauses end; those of resources pass by a clock that stays.
        time.shift(timedelta(minutes=70))
        resources._blocked_until.clear()
    check(not faults, f"this waits for ever: {faults}")


def no_search_is_left() -> None:
    """Check that partitions are asked nothing more, once all work is done."""
    searches = PartitionSearch.objects.all()
    check(not searches.exists(), f"searches of scans that have ended: {list(searches)}")


def _unfinished_work(began: datetime) -> list[str]:
    """Return work that waits or runs, except work that waits for somebody outside.

    Workers began at ``began``: polls that have become due since are no work left over.
    """
    rows: Sequence[Model] = [
        *Scan._base_manager.filter(status__in=ACTIVE_SCAN_STATUSES).exclude(
            # These wait for a person: a result sent by hand, a higher limit.
            Q(engine=EngineChoice.ACRCLOUD) & (Q(cloud_job=None) | ~Q(scanned_file__message=""))
        ),
        *Recording._base_manager.filter(
            status__in=[RecordingStatus.WAITING, RecordingStatus.PROCESSING]
        ),
        *RetroSearch._base_manager.filter(
            status__in=[*(RetroStatus.COLLECTING, RetroStatus.QUEUED, RetroStatus.RUNNING)]
        ),
        *ReportRun._base_manager.filter(state__in=UNFINISHED),
        *(row for unfinished in UNFINISHED_ROWS.values() for row in unfinished()),
        *EvidencePack._base_manager.filter(status__in=ACTIVE_PACK_STATUSES),
        *_open_imports(),
        # Checks of watches and callbacks to receivers that are away are tried later.
        # Cloud scans are counted with their scans.
        *Job.objects.filter(state__in=OPEN_STATES)
        .exclude(kind__in=[CLOUD_SCAN.name, *ENDLESS, *regular_work()])
        .exclude(run_after__gt=began, pool=Pool.TALK),
    ]
    return [described(row) for row in rows]


def described(row: Model) -> str:
    """Return what a row is and its values; of a scan, those of its jobs as well."""
    rows: list[Model] = [row]
    if isinstance(row, Scan):
        rows += Job.objects.filter(kind__in=["scan", CLOUD_SCAN.name], subject=row.pk)
        rows += CloudJob.objects.filter(scan=row)
    values = [
        {field.name: field.value_from_object(model) for field in model._meta.fields}
        for model in rows
    ]
    return f"{type(row).__name__} {row}: {values}"


def _open_imports() -> Iterable[Model]:
    from imports.kinds import all_kinds

    for kind in all_kinds():
        yield from kind.model._base_manager.filter(status__in=OPEN_STATUSES)


def every_page_opens(people: dict[str, Person], pages: Sequence[Route], rng: random.Random) -> None:
    """Open each page for an existing object as a random person, and some admin pages."""
    names = list(people)
    admin = [route for route in pages if route.part == "admin"]
    for route in [
        *(route for route in pages if route.part != "admin"),
        *rng.sample(admin, _ADMIN_PAGES),
    ]:
        path = route.path(rng)
        if path is not None:
            people[rng.choice(names)].open(path)


def partitions_agree(machines: Machines, person: Person, rng: random.Random) -> None:
    """Check that a scan finds the same in one index and in several partitions.

    It runs last, because its scans replace the matches of a file.
    """
    files = ScannedFile._base_manager.filter(
        deleted_at=None,
        container__deleted_at=None,
        container__engine=EngineChoice.EMBEDDED,
        status__in=[FileStatus.READY, FileStatus.NO_MATCH],
    ).exclude(media="")
    if not machines.were_many or not files.exists():
        return
    file = rng.choice(list(files.order_by("pk")))
    contents = {}
    for count in (1, rng.choice([2, 3])):
        machines.be(count)
        scan = request_scan(scanned_file=file, user=person.user)
        for _ in range(_WORKING_ROUNDS):
            machines.work()
            scan.refresh_from_db()
            if scan.status not in ACTIVE_SCAN_STATUSES:
                break
        contents[count] = _found_by(scan)
    first, many = contents.values()
    check(first == many, f"{file}: one index found {first}, partitions {many}")


def _found_by(scan: Scan) -> list[dict[str, object]]:
    check(scan.status == ScanStatus.SUCCEEDED, f"{scan}: {scan.status} {scan.message}")
    rows = Detection._base_manager.filter(scan=scan).order_by("recording", "segments")
    columns = ("recording", "score", "segments__start_ms", "segments__end_ms")
    names = ("segments__reference_start_ms", "segments__score")
    fields = {"unmatched": scan.unmatched, "why": scan.no_match_reason}
    return [*rows.values(*columns, *names), fields]


def reports_repeat(person: Person) -> None:
    """Write the newest finished reports again; the bytes must be identical.

    Then write the newest report in each format; all formats must hold the same rows.
    """
    runs = list(ReportRun.objects.filter(state=RunState.READY).exclude(file=""))
    for run in runs[-3:]:
        layout, first = Layout.of(run), run.sha256
        again = write_again(run=run, layout=layout, user=person.user, now=True)
        check(again.sha256 == first, f"{layout} of report {run.uid} has other bytes")
    if runs:
        _formats_agree(runs[-1], person)


def _formats_agree(run: ReportRun, person: Person) -> None:
    layout = replace(Layout.of(run), separator=Separator.COMMA, columns=())
    rows = {}
    for form in Format:
        new_layout = replace(layout, format=form)
        written = write_again(run=run, layout=new_layout, user=person.user, now=True)
        rows[form] = _rows_of(form, b"".join(files.file_content(written)))
    first = rows.pop(Format.CSV)
    check(len(first) == run.row_count, f"{run.uid}: {len(first)}, not {run.row_count}")
    for form, other_rows in rows.items():
        check(other_rows == first, f"{run.uid}: {form} holds {other_rows}, CSV {first}")


def _rows_of(form: Format, content: bytes) -> list[tuple[str, ...]]:
    """Return the identifying values of a report's rows, as text."""
    rows: Iterable[Mapping[str, object]]
    if form == Format.CSV:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    elif form == Format.JSON_LINES:
        rows = [json.loads(line) for line in content.splitlines()]
    elif form == Format.JSON:
        rows = json.loads(content)["rows"]
    elif form == Format.PARQUET:
        rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    else:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
        head, *cells = book.worksheets[0].iter_rows(values_only=True)
        names = [str(name) for name in head]
        rows = [dict(zip(names, row, strict=True)) for row in cells]
    return [tuple(str(row.get(name) or "") for name in _TELLING) for row in rows]


def mails_hold_what_they_say() -> None:
    """Check that reports mailed by schedules are complete and match their manifest."""
    for message in mail.outbox:
        faults = faults_in(str(message.body))
        check(not faults, f"the mail {message.subject} shows {faults}")
        manifests = [
            attachment for attachment in message.attachments if "manifest" in attachment[0]
        ]
        for name, content, _kind in message.attachments:
            raw = content.encode() if isinstance(content, str) else content
            if manifests and "manifest" not in name:
                body = json.dumps(json.loads(manifests[0][1]))
                check(
                    hashlib.sha256(raw).hexdigest() in body,
                    f"{name} of the mail {message.subject} has other bytes",
                )


def nothing_leaves_that_its_owner_cannot_see() -> None:
    """Check that no hidden name was sent to an address of a person with limits."""
    hidden = samples.HIDDEN.encode()
    for path, body in outside.posted:
        if path == world.LIMITED_HOOK:
            check(hidden not in body, f"a webhook to {path} says {body!r}")
    limited = set(User.objects.filter(groups__limit__isnull=False))
    theirs = {world.LIMITED_MAIL} | {user.email for user in limited if user.email}
    for message in mail.outbox:
        if theirs.isdisjoint(message.to):
            continue
        sent = message.message().as_bytes()
        check(hidden not in sent, f"the mail {message.subject} says {sent!r}")
    for delivery in ReportDelivery.objects.filter(state="sent", schedule__made_by__in=limited):
        content = b"".join(files.file_content(delivery.run))
        check(hidden not in content, f"{delivery} holds what {delivery.run.run_by} lacks")


def chains_hold() -> None:
    """Check the event chain of every case."""
    broken = list(broken_chains())
    check(not broken, f"{broken}")
