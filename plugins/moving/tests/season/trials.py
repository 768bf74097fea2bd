"""Trials of both engines: begun, judged blindly, read and ended.

A verdict counts the sampled rows that people judged, and each share lies in its interval.
The report of an ended trial stays the same. In half of them programs send the files to the
account themselves; each is paired with one of its name, or with none.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePosixPath

from lxml import html

from base.accounts.reach import working_for
from catalogue.models import Recording, RecordingStatus
from plugins.moving.models import (
    EngineTrial,
    Judgement,
    Moved,
    MovedKind,
    MovedOutcome,
    TrialKeeps,
    TrialRow,
    TrialState,
)
from plugins.moving.trials.figures import LEAST_DECISIONS, MeasuredShare, Outcome, TrialFigures
from plugins.moving.trials.selectors import Known, known_to, rows_of, waiting_rows
from plugins.moving.trials.services import read_figures, report_text
from scanning.models import CloudAccount, Container, ScannedFile
from tests.season import outside, samples
from tests.season.invariants import check
from tests.season.people import Person

_ROUNDS = 3
"""How often a worker works until the account has answered for a file."""


def handle(person: Person, admin: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Take a trial one step on; only the admin begins, reads and ends it."""
    if rng.random() < 0.2:
        # Roles refuse what others ask.
        admin = person
    trial = EngineTrial.objects.filter(state=TrialState.RUNNING).first()
    if trial is None:
        _begin(admin, rng)
    elif trial.files.count() == 0 or rng.random() < 0.3:
        _scan(person, trial, rng, work)
        admin.fill_in(f"{trial.url}compare/")
        work()
    elif rng.random() < 0.9:
        _judge(person, trial, rng)
    else:
        _end(admin, trial, rng)
    for item in EngineTrial.objects.all():
        admin.open(item.url)
        _read_report(admin, item)
    trials_hold()


def _begin(person: Person, rng: random.Random) -> None:
    account = CloudAccount.objects.order_by("pk").first()
    containers = Container.objects.present().filter(
        cloud_account=account, cloud_container_id__isnull=False
    )
    if account is None or not containers:
        return
    for recording in Recording._base_manager.filter(custom_id__startswith="R-"):
        # Both find what a move brought from the account.
        Moved.objects.get_or_create(
            account=account,
            kind=MovedKind.RECORDING,
            remote_id=f"of {recording.uid}",
            defaults={
                "parent": outside.CLOUD_BUCKET,
                "case": f"recording:{recording.uid}",
                "theirs": "-",
                "outcome": MovedOutcome.NEW,
            },
        )
    sends_files = rng.random() < 0.5
    terms = list(containers.values_list("pk", "engine", "cloud_cap_hours"))
    person.fill_in(
        "/trials/",
        account=account.pk,
        containers=[container.pk for container in containers],
        weeks=rng.choice([1, 4, 0]),
        **({"sends_files": "on"} if sends_files else {}),
        cap_hours=rng.choice(["", 50]),
        price_per_hour=rng.choice(["", "3.50"]),
        currency=rng.choice(["", "EUR"]),
    )
    now = list(containers.values_list("pk", "engine", "cloud_cap_hours"))
    check(
        sends_files or now == terms,
        f"a trial that sends no files changed containers: {terms} to {now}",
    )


def _scan(person: Person, trial: EngineTrial, rng: random.Random, work: Callable[[], None]) -> None:
    """Send a file to both engines, and wait for what they find."""
    container = trial.containers.order_by("pk").first()
    sound = samples.some_sound(rng)
    if container is not None:
        person.fill_in("/upload/", files=[sound], container=container.pk)
    for _ in range(_ROUNDS):
        work()
    if not trial.sends_files:
        _send_there(str(sound.name), rng)


def _send_there(name: str, rng: random.Random) -> None:
    """Send the file to the account as a program does, twice or as another length, too."""
    length_ms = (
        ScannedFile._base_manager.filter(name=name)
        .order_by("-pk")
        .values_list("length_ms", flat=True)
        .first()
    )
    recordings = Recording._base_manager.filter(custom_id__startswith="R-")
    acr_ids = list(recordings.order_by("pk").values_list("acr_id", flat=True))
    results = samples.results(rng, acr_ids=acr_ids)
    for _ in range(rng.choice([1, 1, 1, 2])):
        outside.cloud.keep(
            rng.choice([name, f"shows\\{name.upper()}", f"{name}.mp3"]),
            state=1,
            duration=round((length_ms or 0) / 1000) + rng.choice([0, 0, 0, 60]),
            results=results,
            created_at=datetime.now(tz=UTC).isoformat(),
        )


def _judge(person: Person, trial: EngineTrial, rng: random.Random) -> None:
    """Judge what is drawn, some of it from an old page."""
    page = person.open(f"{trial.url}judge/")
    if page.status != 200:
        return
    has_judged = rows_of(trial).filter(judged_by=person.user).exists()
    if not has_judged:
        (main,) = html.document_fromstring(page.content).xpath("//main")
        # Both names would say who found it.
        check(
            "ACRCloud" not in main.xpath("string(.//table)"),
            f"{page.url} says to {person.name} which engine found it",
        )
    with working_for(None):
        rows = list(waiting_rows(trial)[:20])
    for row in rng.sample(rows, min(len(rows), 3)):
        version = row.match.version if row.match else 0
        judged = rng.choice(["heard", "heard", "wrong", "", "both"])
        person.fill_in(
            f"{trial.url}judge/", row=row.pk, version=version + (rng.random() < 0.1), judged=judged
        )
        now = TrialRow._base_manager.get(pk=row.pk)
        is_mine = now.judged_by == person.user
        check(
            now.judged == (judged if is_mine else ""),
            f"{person.name} judged {row} as {judged}, and it is {now.judged}",
        )


def _end(person: Person, trial: EngineTrial, rng: random.Random) -> None:
    person.open(f"{trial.url}end/")
    person.fill_in(f"{trial.url}end/", keeps=rng.choice([*TrialKeeps.values, ""]))


def _read_report(person: Person, trial: EngineTrial) -> None:
    answer = person.open(f"{trial.url}report.json")
    if answer.status == 200 and trial.state == TrialState.ENDED:
        sent = answer.content.decode()
        check(sent == trial.report, f"{trial.case} sent another report: {sent}")


def trials_hold() -> None:
    """Check that verdicts count only judged rows and that intervals hold the shares."""
    with working_for(None):
        for trial in EngineTrial.objects.order_by("pk"):
            _check_figures(trial, read_figures(trial))
            _check_known(trial)
            _check_pairs(trial)
            if trial.state == TrialState.ENDED:
                now = report_text(trial)
                check(
                    now == trial.report,
                    f"{trial.case} has ended with\n{trial.report}and says\n{now}",
                )


def _check_figures(trial: EngineTrial, figures: TrialFigures) -> None:
    rows = list(rows_of(trial))
    judged = [row for row in rows if row.sampled and row.judged]
    check(
        figures.decided == len(judged),
        f"{trial.case} counts {figures.decided} decisions, {len(judged)} are made",
    )
    for name, counted in ((Judgement.HEARD, figures.heard), (Judgement.WRONG, figures.wrong)):
        made = Counter(row.kind for row in judged if row.judged == name)
        check(made == Counter(counted), f"{trial.case}: {counted} {name}, not {made}")
    check(
        figures.waiting == waiting_rows(trial).count(),
        f"{trial.case} says that {figures.waiting} rows wait",
    )
    check(
        figures.confirmed <= len(rows),
        f"{trial.case} confirms {figures.confirmed} of {len(rows)} rows",
    )
    for engine in (figures.ours, figures.theirs):
        for share in (engine.precision, engine.found):
            _check_share(trial, share, len(judged))
    check(
        figures.outcome == Outcome.TOO_CLOSE or len(judged) >= LEAST_DECISIONS,
        f"{trial.case} names {figures.outcome} after {len(judged)} decisions",
    )


def _check_share(trial: EngineTrial, share: MeasuredShare, judged: int) -> None:
    if share.value is None:
        check((share.low, share.high) == (0, 1), f"{trial.case}: {share} of nothing")
        return
    least = 1e-9
    check(
        share.low - least <= share.value <= share.high + least,
        f"{trial.case} has a share outside of its interval: {share}",
    )
    check(
        share.high - share.low > 1 / (judged + 10),
        f"{trial.case} is surer than {judged} decisions allow: {share}",
    )


def _check_pairs(trial: EngineTrial) -> None:
    """Check that a file which programs sent stands beside one of its name, and only one."""
    paired = trial.files.exclude(their_file="").select_related("scanned_file")
    there = [file.their_file for file in paired]
    check(len(there) == len(set(there)), f"{trial.case} pairs one of {there} twice")
    check(not (trial.sends_files and there), f"{trial.case} sends files, and pairs {there}")
    for file in paired:
        sent = outside.cloud.files.get(file.their_file)
        stem = PurePosixPath(file.scanned_file.name).stem.casefold()
        if sent is not None:
            name = sent["name"].casefold()
            check(stem in name, f"{trial.case} pairs {stem} with {name}")


def _check_known(trial: EngineTrial) -> None:
    """Check the numbers of known recordings by comparing their ids."""
    moved = Moved.objects.filter(account=trial.account, kind=MovedKind.RECORDING)
    cases = moved.exclude(case="").values_list("case", flat=True)
    there = {case.removeprefix("recording:") for case in cases}
    buckets = {
        bucket.pk for container in trial.containers.all() for bucket in container.buckets.all()
    }
    ready = Recording._base_manager.filter(status=RecordingStatus.READY, bucket__in=buckets)
    here = set(ready.values_list("uid", flat=True))
    counted = Known(len(here & there), len(there - here), len(here - there))
    texts = known_to(trial)
    check(texts == counted, f"{trial.case} knows {texts}, not {counted}")
