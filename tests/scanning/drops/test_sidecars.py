"""Sidecars give dropped files names and metadata; bad ones fail with a sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanning.drops import sidecars
from scanning.errors import IntakeRefused
from scanning.models import ScannedFile
from tests.scanning.drops.incoming import FAILED, TAKEN, WAITING, Incoming


def test_sidecars_and_a_manifest_describe_a_file(incoming: Incoming) -> None:
    incoming.write("manifest.csv", "file;programme;account\nshow.mp3;Morning;Radio\n")
    incoming.write(
        "show.mp3.json",
        '{"title": "The show", "account": "FM", "published_at": "2026-05-04",'
        ' "territories": ["gb", "FR"], "tags": "live, talk", "external_id": 7,'
        ' "source_url": "https://radio.example/show"}',
    )
    incoming.write("show.mp3")
    # A table of one row is a sidecar, too.
    incoming.write("late.mp3.csv", "name,programme\nThe late show,Night\n")
    incoming.write("late.mp3", b"other sound")

    incoming.poll(2)

    file = ScannedFile.objects.get(name="The show")
    assert (file.programme, file.account) == ("Morning", "FM")
    assert (file.external_id, file.source_url) == ("7", "https://radio.example/show")
    assert file.published_at == datetime(2026, 5, 4, tzinfo=UTC)
    assert file.tags == ["territory:GB", "territory:FR", "live", "talk"]
    assert ScannedFile.objects.get(name="The late show").programme == "Night"
    # The table may describe files that are yet to come.
    assert incoming.files() == [
        *("done/late.mp3", "done/late.mp3.csv"),
        *("done/show.mp3", "done/show.mp3.json", "manifest.csv"),
    ]


def test_a_sidecar_that_changes_lets_the_file_wait(incoming: Incoming) -> None:
    incoming.write("show.mp3")
    incoming.poll()
    incoming.write("show.mp3.json", '{"programme": "Mor')
    incoming.poll()
    waited = incoming.states()
    incoming.write("show.mp3.json", '{"programme": "Morning"}')
    incoming.poll(2)

    assert waited == {"show.mp3": WAITING}
    assert incoming.states() == {"show.mp3": TAKEN}
    assert ScannedFile.objects.get().programme == "Morning"


def test_a_bad_sidecar_fails_its_file_with_a_sentence(incoming: Incoming) -> None:
    bad = [
        ("json", "{", "0.mp3.json: The JSON file cannot be read"),
        ("json", "[]", "must contain one object"),
        ("json", '{"tags": {"a": 1}}', "The value of tags must be text"),
        ("json", '{"published_at": "May"}', "May is not a date"),
        ("json", '{"territories": "XX"}', "XX is not a territory"),
        ("json", "[" * 100_000, "cannot be read"),
        ("json", "x" * (sidecars.MAX_SIDECAR_BYTES + 1), "larger than 2 MiB"),
        ("csv", "name\n", "and one row"),
        ("csv", "name\0", "binary data"),
    ]
    for number, (suffix, content, _reason) in enumerate(bad):
        incoming.write(f"{number}.mp3.{suffix}", content)
        incoming.write(f"{number}.mp3", f"sound {number}")

    incoming.poll(2)

    assert incoming.states() == {f"{number}.mp3": FAILED for number in range(len(bad))}
    for number, (_suffix, content, reason) in enumerate(bad):
        written = incoming.folder / "failed" / f"{number}.mp3.reason.txt"
        assert reason in written.read_text(encoding="utf-8"), content[:50]
    assert not ScannedFile.objects.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name\nx\n", "no column of file names"),
        ("file\nshow.mp3\nshow.mp3\n", "several rows for show.mp3"),
    ],
)
def test_a_bad_manifest_fails_the_file_with_a_sentence(
    incoming: Incoming, content: str, reason: str
) -> None:
    incoming.write("manifest.csv", content)
    incoming.write("show.mp3")

    incoming.poll(2)

    assert incoming.states() == {"show.mp3": FAILED}
    written = incoming.folder / "failed" / "show.mp3.reason.txt"
    assert reason in written.read_text(encoding="utf-8")
    assert not ScannedFile.objects.exists()


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_are_read_or_refused(content: bytes, name: str) -> None:
    for read in (
        sidecars.cells_of_json,
        sidecars.cells_of_csv,
        lambda content: sidecars.cells_of_manifest(content, name),
    ):
        with suppress(IntakeRefused):
            sidecars.details_of_sidecars(read(content))


_WORDS = st.sampled_from(
    [*("name", "published_at", "territories", "tags", "programme", "external_id")]
)


@given(
    st.dictionaries(
        _WORDS, st.text() | st.integers() | st.lists(st.text()) | st.floats() | st.none()
    )
)
def test_any_values_are_taken_or_refused(values: dict[str, object]) -> None:
    try:
        name, details = sidecars.details_of_sidecars(
            sidecars.cells_of_json(json.dumps(values).encode())
        )
    except IntakeRefused:
        return
    for text in (name, details.get("programme", ""), *details.get("tags", ())):
        text.encode()
        assert "\0" not in text
