"""A dry run gives each row the import's verdict; a repeated import changes nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Bucket, Exclusion, IntakeRule, Recording
from imports.recordings.audio import Folder
from imports.recordings.summary import ImportSummary, Verdict
from imports.recordings.work import make_import
from imports.tables import open_table
from review.choices import MatchState
from review.services import exclusions
from tests import audio
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.imports.test_recordings import mapped

pytestmark = pytest.mark.django_db

TUNE = audio.tune(1, 12)
FILES = {
    "tune.wav": audio.wav_bytes(TUNE),
    "copy.wav": audio.wav_bytes(audio.join([audio.silence(1), 0.5 * TUNE])),
    "same.wav": audio.wav_bytes(TUNE),
    "text.wav": b"no audio at all",
    "other.wav": b"other bytes",
    "empty.wav": b"",
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a folder with audio, some of it duplicated."""
    with TemporaryDirectory() as name:
        for file, content in FILES.items():
            (Path(name) / file).write_bytes(content)
        yield Path(name)


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mia")


class Run:
    """Imports rows given as values by column, and returns each row's verdict."""

    def __init__(self, bucket: Bucket, folder: Path, user: User | None) -> None:
        self._bucket, self._folder, self._user = bucket, folder, user

    def __call__(
        self, rows: list[dict[str, str]], *, dry: bool = False, keep: bool = False
    ) -> tuple[dict[int, Verdict], ImportSummary]:
        verdicts: dict[int, Verdict] = {}
        with TemporaryDirectory() as name:
            table = Path(name) / "table"
            columns = sorted({column for row in rows for column in row})
            with table.open("w", newline="") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
            with (
                open_table(table) as opened,
                make_import(
                    bucket=self._bucket,
                    table=opened,
                    audio=Folder(self._folder),
                    user=self._user,
                    dry=dry,
                    mapped=mapped(opened, keep=keep),
                ) as task,
            ):
                task.on_verdict = verdicts.__setitem__
                summary = task.run(io.StringIO())
        return verdicts, summary


@pytest.fixture
def bucket() -> Bucket:
    return BucketFactory.create()


@pytest.fixture
def run(bucket: Bucket, folder: Path, manager: User) -> Run:
    return Run(bucket, folder, manager)


def row(custom_id: str = "L1", **cells: str) -> dict[str, str]:
    return {"custom_id": custom_id, "title": "T", "artists": "A"} | cells


def outcome_of(summary: ImportSummary) -> tuple[object, ...]:
    """Return counts, changes and places of faults.

    Messages are left out: a fault may name a different copy, or a copy by its new
    title.
    """
    places = [
        [(note["line"], note["column"]) for note in notes]
        for notes in (summary.faults, summary.warnings)
    ]
    counts = [value for value in vars(summary).values() if isinstance(value, int)]
    return counts, places, summary.changes


FIRST, SECOND = "00:00:01.000-00:00:02.000", "00:00:02.000-00:00:04.000"
# Possible cell values and their faults. Most rows have no fault and name audio that
# other rows name too.
CELLS = {
    "custom_id": (["A", "B", "C", "D", "E", "M", "R"], [""]),
    "title": (["Night", "Day"], ["", "x" * 501]),
    "artists": (["A. Example", "A|B"], [""]),
    "audio": (
        ["tune.wav", "copy.wav", "same.wav", "text.wav", "other.wav"],
        ["", "empty.wav", "missing.wav", "https://h.example/a.mp3", "[clear]"],
    ),
    "label": (["", "", "Example", "[clear]"], ["#REF!"]),
    "isrc": (["", "ZZX012600001", "[clear]"], ["bad"]),
    "upc": (["", "2000000000015"], ["1"]),
    "owner_share_pct": (["", "50", "[clear]"], ["101"]),
    "territories": (["", "GB|DE", "[clear]"], ["Europe", "UK", "XX", "GB|ZZ"]),
    "exclude": (
        ["", "", FIRST, f"{FIRST}|{SECOND}"],
        ["x", "00:00:02.000-00:00:01.000", "00:00:03.000-00:10:00.000"],
    ),
    "mood": (["", "blue", "[clear]"], ["#N/A"]),
}


@st.composite
def table_rows(draw: st.DrawFn) -> dict[str, str]:
    cells = {name: draw(st.sampled_from(right)) for name, (right, _) in CELLS.items()}
    if draw(st.integers(0, 4)) == 0:
        name = draw(st.sampled_from(sorted(CELLS)))
        cells[name] = draw(st.sampled_from(CELLS[name][1]))
    return cells


ROWS = st.lists(table_rows(), min_size=1, max_size=6, unique_by=lambda row: row["custom_id"])


@given(rows=ROWS, rule=st.sampled_from(list(IntakeRule)), keep=st.booleans())
@settings(
    max_examples=6 if settings().derandomize else 100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_dry_run_says_of_each_row_what_the_import_then_does(
    manager: User, folder: Path, rows: list[dict[str, str]], rule: str, keep: bool
) -> None:
    with transaction.atomic():
        bucket = BucketFactory.create(intake_rule=rule)
        stands = RecordingFactory.create(bucket=bucket, custom_id="B")
        for custom_id, merged in (("M", stands), ("R", None)):
            RecordingFactory.create(
                bucket=bucket, custom_id=custom_id, status="retired", merged_into=merged
            )
        run = Run(bucket, folder, manager)

        expected, planned = run([*rows, row("Z", audio="x")], dry=True, keep=keep)
        written = Recording.objects.filter(bucket=bucket).count()
        verdicts, done = run([*rows, row("Z", audio="x")], keep=keep)
        again, _ = run([*rows, row("Z", audio="x")], keep=keep)

        assert written == 3
        assert verdicts == expected
        assert outcome_of(done) == outcome_of(planned)
        assert set(again.values()) <= {Verdict.UNCHANGED, Verdict.REFUSED}
        for line, verdict in verdicts.items():
            was_refused = verdict == Verdict.REFUSED
            assert (again[line] == Verdict.REFUSED) == was_refused
        transaction.set_rollback(True)


def test_a_copy_of_the_audio_that_an_earlier_row_brings_is_seen(run: Run, bucket: Bucket) -> None:
    RecordingFactory.create(bucket=bucket, custom_id="B")
    rows = [row("B", audio="copy.wav"), row("L1", audio="tune.wav")]

    dry = run(rows, dry=True)[0]

    assert list(dry.values()) == [Verdict.UPDATED, Verdict.REFUSED]
    assert run(rows)[0] == dry


def test_a_copy_with_exclusions_past_its_end_has_both_faults(run: Run) -> None:
    late = "00:00:03.000-00:10:00.000|00:00:03.000-00:20:00.000"
    rows = [row("L1", audio="tune.wav"), row("L2", audio="copy.wav", exclude=late)]

    planned = run(rows, dry=True)[1]
    done = run(rows)[1]

    columns = [fault["column"] for fault in planned.faults]
    assert columns == ["exclude", "exclude", "audio"]
    assert "The same audio" in planned.faults[2]["rule"]
    assert outcome_of(done) == outcome_of(planned)


def test_an_empty_cell_keeps_what_is_there_and_a_sign_takes_it_away(
    run: Run, bucket: Bucket
) -> None:
    RecordingFactory.create(
        bucket=bucket,
        custom_id="L1",
        title="T",
        artists=["A"],
        label="Example",
        writers=["W"],
        isrc="ZZX012600001",
        isrc_normalised="ZZX012600001",
        user_defined={"territories": ["GB"], "mood": "blue", "key": "Am"},
    )
    columns = ("label", "writers", "isrc", "territories", "mood")

    verdicts, _ = run([row("L1", **dict.fromkeys(columns, ""))], keep=True)

    recording = Recording.objects.get(custom_id="L1")
    assert verdicts == {2: Verdict.UNCHANGED}
    assert (recording.label, recording.writers) == ("Example", ["W"])
    assert recording.isrc == "ZZX012600001"
    assert recording.user_defined == {"territories": ["GB"], "mood": "blue", "key": "Am"}

    verdicts, summary = run([row("L1", **dict.fromkeys(columns, "[clear]"))], keep=True)

    recording.refresh_from_db()
    assert verdicts == {2: Verdict.UPDATED}
    assert (recording.label, recording.writers) == ("", [])
    assert (recording.isrc, recording.isrc_normalised) == ("", "")
    assert recording.isrc_status == "missing"
    assert recording.user_defined == {"key": "Am"}
    assert summary.changes[0]["before"]["label"] == "Example"


def test_what_cannot_be_taken_away_is_refused(run: Run) -> None:
    columns = ["custom_id", "title", "artists", "audio", "exclude"]
    rows = [
        row(f"L{number}", audio="tune.wav") | {column: "[clear]"}
        for number, column in enumerate(columns)
    ]

    verdicts, summary = run([{"exclude": ""} | row for row in rows])

    assert set(verdicts.values()) == {Verdict.REFUSED}
    assert [
        (fault["line"], fault["column"])
        for fault in summary.faults
        if fault["column"] != "audio" or fault["line"] == 5
    ] == [*enumerate(columns, start=2)]


def test_a_row_that_is_refused_changes_nothing(run: Run, bucket: Bucket) -> None:
    RecordingFactory.create(bucket=bucket, custom_id="L1", title="Before", status="processing")
    rows = [row("L1", title="After", audio="other.wav")]

    dry, _ = run(rows, dry=True)
    verdicts, summary = run(rows)

    assert dry == verdicts == {2: Verdict.REFUSED}
    assert "being fingerprinted" in summary.faults[0]["rule"]
    assert Recording.objects.get(custom_id="L1").title == "Before"


def test_a_merged_recording_takes_no_other_audio(run: Run, bucket: Bucket) -> None:
    run([row("L1", audio="text.wav"), row("L2", audio="other.wav")])
    stands, merged = Recording.objects.filter(bucket=bucket).order_by("custom_id")
    Recording.objects.filter(pk=stands.pk).update(status="ready")
    Recording.objects.filter(pk=merged.pk).update(status="retired", merged_into=stands)

    same, _ = run([row("L2", audio="other.wav")])
    both, named = run([row("L1"), row("L2", title="Else")])
    other_run, refused = run([row("L2", audio="tune.wav")])

    assert same == {2: Verdict.UNCHANGED}
    assert both == {2: Verdict.UNCHANGED, 3: Verdict.REFUSED}
    assert "line 2 already updates" in named.faults[0]["rule"]
    assert other_run == {2: Verdict.REFUSED}
    assert "merged into" in refused.faults[0]["rule"]


def test_a_retired_recording_is_added_anew_and_that_is_said(run: Run, bucket: Bucket) -> None:
    RecordingFactory.create(bucket=bucket, custom_id="L1", status="retired")

    without, _ = run([row("L1")])
    verdicts, summary = run([row("L1", audio="tune.wav")])

    assert (without, verdicts) == ({2: Verdict.REFUSED}, {2: Verdict.ADDED})
    assert "retired" in summary.warnings[0]["rule"]


def test_a_table_does_not_approve_what_its_importer_proposed(
    run: Run, bucket: Bucket, manager: User
) -> None:
    recording = RecordingFactory.create(bucket=bucket, custom_id="L1", title="T")
    exclusions.propose(recording=recording, interval=(0, 500), reason="ident", user=manager)
    rows = [row("L1", exclude="00:00:00.000-00:00:00.500")]

    dry, planned = run(rows, dry=True)
    verdicts, summary = run(rows)

    assert dry == verdicts == {2: Verdict.REFUSED}
    assert planned.faults == summary.faults
    assert "You proposed this exclusion" in summary.faults[0]["rule"]


def test_exclusions_of_a_table_are_made_once_and_by_the_person(
    run: Run, bucket: Bucket, manager: User
) -> None:
    recording = RecordingFactory.create(bucket=bucket, custom_id="L1", title="T")
    reviewer = make_user(Role.REVIEWER)
    proposed = exclusions.propose(
        recording=recording, interval=(0, 500), reason="ident", user=reviewer
    )
    match = make_match(recording=recording)
    rows = [
        row("L1", exclude="00:00:00.000-00:00:00.500|00:00:00.500-00:03:00.000"),
        row("L2", audio="tune.wav", exclude="00:00:01.000-00:00:02.000"),
    ]

    dry, planned = run(rows, dry=True)
    before = Exclusion.objects.filter(approved=True).count()
    verdicts, summary = run(rows)
    again, none = run(rows)

    proposed.refresh_from_db()
    match.refresh_from_db()
    assert before == 0
    assert dry == verdicts == {2: Verdict.UPDATED, 3: Verdict.ADDED}
    assert planned == summary
    assert (summary.exclusions, summary.matches_touched) == (3, 1)
    assert summary.matches_suppressed == 1
    assert match.state == MatchState.SUPPRESSED
    assert proposed.approved
    made = Exclusion.objects.exclude(pk=proposed.pk).get(recording=recording)
    assert (made.created_by, made.reason, made.approved) == (manager, "other", True)
    of_new = Exclusion.objects.get(recording__custom_id="L2")
    assert (of_new.start_ms, of_new.end_ms) == (1_000, 2_000)
    assert set(again.values()) == {Verdict.UNCHANGED}
    assert none.exclusions == 0


def test_intervals_that_cannot_be_excluded_are_refused(run: Run, bucket: Bucket) -> None:
    RecordingFactory.create(bucket=bucket, custom_id="L1")

    for interval, says in (
        ("00:00:00.000-01:00:00.000", "The recording is 3:00.000 long."),
        ("00:00:08.000-00:00:01.000", "after the start"),
        ("0-8", "00:00:08.000"),
    ):
        verdicts, summary = run([row("L1", exclude=interval)])

        assert verdicts == {2: Verdict.REFUSED}
        assert says in summary.faults[0]["rule"]


def test_exclusions_need_a_manager(bucket: Bucket, folder: Path) -> None:
    RecordingFactory.create(bucket=bucket, custom_id="L1")

    for user, says in ((None, "--username"), (make_user(Role.REVIEWER), "Only a manager")):
        run = Run(bucket, folder, user)
        _, summary = run([row("L1", exclude="00:00:00.000-00:00:08.000")])

        assert says in summary.faults[0]["rule"]
        assert not Exclusion.objects.exists()
