"""Files and waiting recordings: the surest rule pairs them, and nothing is guessed."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imports.audio.pairing import (
    TOLERANCE_MS,
    Left,
    Rule,
    SoundFile,
    TableRow,
    Waiting,
    pair,
)

LENGTH = 180_000
NIGHT = Waiting(
    "r1", "Night Drive", ("Anna Muster",), "A-1", "ZZX012600001", LENGTH, "a" * 64
)
LANTERN = Waiting("r2", "Blue Lantern", ("B. Sample",), "A-2", "ZZX012600002", LENGTH)


def sound(path: str, duration_ms: int | None = LENGTH, **tags: str) -> SoundFile:
    return SoundFile(path, duration_ms, tags)


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        (SoundFile("x.wav", LENGTH, {}, "a" * 64), Rule.TABLE),
        (sound("sub/a-1.wav"), Rule.CUSTOM_ID),
        (sound("x.wav", TSRC="ZZ-X01-26-00001"), Rule.ISRC),
        (sound("take ZZX012600001 final.wav"), Rule.ISRC),
        (sound("night_drive.flac"), Rule.NAME),
        (sound("03 - Anna Muster – Night Drive.mp3"), Rule.NAME),
        (sound("x.wav", title="NIGHT drive", artist="anna muster"), Rule.TAGS),
    ],
)
def test_each_rule_pairs(file: SoundFile, rule: Rule) -> None:
    pairs, left = pair([file], [NIGHT, LANTERN])

    assert [(one.waiting, one.rule) for one in pairs] == [(NIGHT, rule)]
    assert not left


@pytest.mark.parametrize("custom_id", ["sub/One.flac", "one.FLAC", "One"])
def test_an_id_may_be_the_path_or_the_name_of_its_file(custom_id: str) -> None:
    waiting = replace(NIGHT, custom_id=custom_id)

    pairs, left = pair([sound("sub/One.flac"), sound("sub/Two.flac")], [waiting])

    assert [(one.sound.path, one.rule) for one in pairs] == [
        ("sub/One.flac", Rule.CUSTOM_ID)
    ]
    assert len(left) == 1


def test_the_table_names_files() -> None:
    rows = [TableRow("A-2", path="b/Track 9.wav"), TableRow("A-1", sha256="C" * 64)]
    files = [sound("b/track 9.WAV"), SoundFile("z.wav", None, {}, "c" * 64)]

    pairs, _left = pair(files, [NIGHT, LANTERN], rows)

    assert {one.sound.path: one.waiting.uid for one in pairs} == {
        "b/track 9.WAV": "r2",
        "z.wav": "r1",
    }


@pytest.mark.parametrize(
    ("file", "why"),
    [
        # A song of this name, and another one of this length.
        (sound("Night Drive.wav", LENGTH + TOLERANCE_MS + 1), Left.LENGTH),
        (sound("Night Drive.wav", None), Left.LENGTH),
        (sound("Other.wav"), Left.NOTHING),
        # Its id and its ISRC name two recordings.
        (sound("A-1.wav", isrc="ZZX012600002"), Left.SEVERAL),
        (sound("A1.wav"), Left.NOTHING),
    ],
)
def test_what_is_doubtful_is_left_to_people(file: SoundFile, why: Left) -> None:
    pairs, left = pair([file], [NIGHT, LANTERN])

    assert not pairs
    assert [one.why for one in left] == [why]


def test_sure_rules_pair_other_lengths_with_a_warning() -> None:
    pairs, _left = pair([sound("A-1.wav", 60_000)], [NIGHT])

    assert [one.differs for one in pairs] == [True]


def test_two_candidates_on_either_side_pair_nothing() -> None:
    twin = Waiting("r3", "Night Drive", ("Anna Muster",), "A-3", "", LENGTH)

    one_file = pair([sound("Night Drive.wav")], [NIGHT, twin])
    two_files = pair([sound("x/A-1.wav"), sound("y/A-1.mp3")], [NIGHT])

    assert not one_file[0]
    assert not two_files[0]
    assert [one.why for one in two_files[1]] == [Left.SEVERAL] * 2


def test_a_surer_rule_leaves_the_rest_to_others() -> None:
    twin = Waiting("r3", "Night Drive", ("Anna Muster",), "A-3", "", LENGTH)
    files = [sound("A-3.wav"), sound("Night Drive.wav")]

    pairs, left = pair(files, [NIGHT, twin])

    # The title names both, though one is given by then: a person looks.
    assert [(one.waiting.uid, one.sound.path) for one in pairs] == [("r3", "A-3.wav")]
    assert [one.why for one in left] == [Left.SEVERAL]


titles = st.sampled_from(["Été", "Nacht", "Night Drive", "Ωmega", "A", "Intro"])


@given(
    st.lists(st.tuples(titles, st.integers(60, 66)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_no_pair_is_ever_wrong(
    songs: list[tuple[str, int]], chance: st.DataObject
) -> None:
    waiting = [
        Waiting(f"r{number}", title, (), "", "", seconds * 1000)
        for number, (title, seconds) in enumerate(songs)
    ]
    files = [
        SoundFile(
            f"{number}/{unicodedata.normalize('NFD', title).upper()}.wav",
            seconds * 1000 + 400,
        )
        for number, (title, seconds) in enumerate(songs)
    ]
    chance.shuffle(files)  # type: ignore[attr-defined]  # a random.Random

    pairs, left = pair(files, waiting)

    assert len(pairs) + len(left) == len(files)
    assert all(one.sound.path.startswith(one.waiting.uid[1:] + "/") for one in pairs)
    assert len({one.waiting.uid for one in pairs}) == len(pairs)
