"""Files and waiting recordings: the surest rule pairs them, and nothing is guessed."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from imports.audio.pairing import TOLERANCE_MS, Left, Rule, SoundFile, TableRow, Waiting, pair

LENGTH = 180_000
NIGHT = Waiting("r1", "Night Drive", ("Anna Muster",), "A-1", "ZZX012600001", LENGTH, "a" * 64)
LANTERN = Waiting("r2", "Blue Lantern", ("B. Sample",), "A-2", "ZZX012600002", LENGTH)


def sound(path: str, duration_ms: int | None = LENGTH, **tags: str) -> SoundFile:
    return SoundFile(path, duration_ms, tags)


def test_each_rule_pairs() -> None:
    for file, rule in (
        (SoundFile("x.wav", LENGTH, {}, "a" * 64), Rule.TABLE),
        (sound("sub/a-1.wav"), Rule.CUSTOM_ID),
        (sound("x.wav", TSRC="ZZ-X01-26-00001"), Rule.ISRC),
        (sound("take ZZX012600001 final.wav"), Rule.ISRC),
        (sound("night_drive.flac"), Rule.NAME),
        (sound("03 - Anna Muster – Night Drive.mp3"), Rule.NAME),
        (sound("x.wav", title="NIGHT drive", artist="anna muster"), Rule.TAGS),
    ):
        pairs, unpaired = pair([file], [NIGHT, LANTERN])

        assert [(pair.waiting, pair.rule) for pair in pairs] == [(NIGHT, rule)], file
        assert not unpaired


def test_an_id_may_be_the_path_or_the_name_of_its_file() -> None:
    for custom_id in ("sub/One.flac", "one.FLAC", "One"):
        waiting = replace(NIGHT, custom_id=custom_id)

        pairs, unpaired = pair([sound("sub/One.flac"), sound("sub/Two.flac")], [waiting])

        assert [(pair.sound.path, pair.rule) for pair in pairs] == [
            ("sub/One.flac", Rule.CUSTOM_ID)
        ], custom_id
        assert len(unpaired) == 1


def test_the_table_names_files() -> None:
    rows = [TableRow("A-2", path="b/Track 9.wav"), TableRow("A-1", sha256="C" * 64)]
    files = [sound("b/track 9.WAV"), SoundFile("z.wav", None, {}, "c" * 64)]

    pairs, _unpaired = pair(files, [NIGHT, LANTERN], rows)

    assert {pair.sound.path: pair.waiting.uid for pair in pairs} == {
        "b/track 9.WAV": "r2",
        "z.wav": "r1",
    }


def test_what_is_doubtful_is_left_to_people() -> None:
    for file, why in (
        # A song of this name, and another one of this length.
        (sound("Night Drive.wav", LENGTH + TOLERANCE_MS + 1), Left.LENGTH),
        (sound("Night Drive.wav", None), Left.LENGTH),
        (sound("Other.wav"), Left.NOTHING),
        # Its id and its ISRC name two recordings.
        (sound("A-1.wav", isrc="ZZX012600002"), Left.SEVERAL),
        (sound("A1.wav"), Left.NOTHING),
    ):
        pairs, unpaired = pair([file], [NIGHT, LANTERN])

        assert not pairs, file
        assert [leftover.why for leftover in unpaired] == [why]


def test_sure_rules_pair_other_lengths_with_a_warning() -> None:
    pairs, _unpaired = pair([sound("A-1.wav", 60_000)], [NIGHT])

    assert [pair.differs for pair in pairs] == [True]


def test_two_candidates_on_either_side_pair_nothing() -> None:
    twin = Waiting("r3", "Night Drive", ("Anna Muster",), "A-3", "", LENGTH)

    one_file = pair([sound("Night Drive.wav")], [NIGHT, twin])
    two_files = pair([sound("x/A-1.wav"), sound("y/A-1.mp3")], [NIGHT])

    assert not one_file[0]
    assert not two_files[0]
    assert [leftover.why for leftover in two_files[1]] == [Left.SEVERAL] * 2


def test_a_surer_rule_leaves_the_rest_to_others() -> None:
    twin = Waiting("r3", "Night Drive", ("Anna Muster",), "A-3", "", LENGTH)
    files = [sound("A-3.wav"), sound("Night Drive.wav")]

    pairs, unpaired = pair(files, [NIGHT, twin])

    # The title names both, though one is given by then: a person looks.
    assert [(pair.waiting.uid, pair.sound.path) for pair in pairs] == [("r3", "A-3.wav")]
    assert [leftover.why for leftover in unpaired] == [Left.SEVERAL]


titles = st.sampled_from(["Été", "Nacht", "Night Drive", "Ωmega", "A", "Intro"])


@given(
    st.lists(st.tuples(titles, st.integers(60, 66)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_no_pair_is_ever_wrong(songs: list[tuple[str, int]], chance: st.DataObject) -> None:
    waiting = [
        Waiting(f"r{number}", title, (), "", "", seconds * 1000)
        for number, (title, seconds) in enumerate(songs)
    ]
    files = [
        SoundFile(
            f"{number}/{unicodedata.normalize('NFD', title).upper()}.wav", seconds * 1000 + 400
        )
        for number, (title, seconds) in enumerate(songs)
    ]
    chance.shuffle(files)  # type: ignore[attr-defined]  # a random.Random

    pairs, unpaired = pair(files, waiting)

    assert len(pairs) + len(unpaired) == len(files)
    assert all(pair.sound.path.startswith(pair.waiting.uid[1:] + "/") for pair in pairs)
    assert len({pair.waiting.uid for pair in pairs}) == len(pairs)


def songs_with_files(count: int) -> list[tuple[Waiting, SoundFile]]:
    """Return recordings, each with its file: named in turn in every way that is plain."""
    made = []
    for number in range(count):
        title, artist = f"Été {number}", f"Bänd {number % 7}"
        isrc, length = f"ZZX0126{number:05d}", 100_000 + 1_000 * (number % 90)
        made_of = Waiting(
            f"r{number}", title, (artist,), f"A-{number}", isrc, length, f"{number:064x}"
        )
        decomposed = unicodedata.normalize("NFD", f"{artist} - {title}")
        names: list[tuple[str, dict[str, str], str]] = [
            ("copy.wav", {}, made_of.sha256),
            (f"a-{number}.wav", {"title": title, "artist": "Others"}, ""),
            ("take.flac", {"TSRC": f"zz-x01-26-{number:05d}"}, ""),
            (f"{isrc} master.wav", {}, ""),
            (f"{decomposed}.wav", {}, ""),
            (f"{number % 12:02d} {decomposed.upper()}.mp3", {}, ""),
            ("x.m4a", {"title": title.lower(), "artist": artist}, ""),
        ]
        name, tags, sha256 = names[number % len(names)]
        file = SoundFile(f"{number}/{name}", length + 2_000, tags, sha256)
        made.append((made_of, file))
    return made


def traps(number: int) -> tuple[list[Waiting], list[SoundFile]]:
    """Return twelve traps: recordings, and files of which nobody can say whose they are."""
    word, length = f"Trap{number}", 400_000 + 10_000 * number
    near, far = length + 2_000, length + 3_000
    isrcs = [f"YYX0126{10 * number + digit:05d}" for digit in range(4)]

    def waiting_recording(
        key: str, title: str, artist: str = "", custom_id: str = "", isrc: str = ""
    ) -> Waiting:
        artists = (artist,) if artist else ()
        return Waiting(f"{word}{key}", title, artists, custom_id, isrc, length)

    recordings = [
        *(waiting_recording(f"twin{n}", f"{word} twin") for n in "ab"),
        waiting_recording("edit1", f"{word} edit"),
        replace(waiting_recording("edit2", f"{word} edit"), duration_ms=near),
        waiting_recording("accent1", f"{word} resume"),
        waiting_recording("accent2", f"{word} résumé"),
        waiting_recording("long", f"{word} long"),
        *(waiting_recording(f"code{n}", f"{word} code {n}", isrc=isrcs[n]) for n in (0, 1)),
        *(waiting_recording(f"shared{n}", f"{word} shared {n}", isrc=isrcs[2]) for n in (0, 1)),
        waiting_recording("masters", f"{word} masters", custom_id=f"{word}-M"),
        waiting_recording("track", f"{word} track", custom_id=f"0{number}"),
        waiting_recording("tagged", f"{word} tagged", "Band"),
        waiting_recording("number", f"{word} number", custom_id=f"{word} title"),
        waiting_recording("title", f"{word} title"),
        waiting_recording("dots", "…"),
        waiting_recording("marks", "!!!"),
        waiting_recording("swap1", f"{word} night", f"{word} blue"),
        waiting_recording("swap2", f"{word} blue", f"{word} night"),
        waiting_recording("join1", f"side {word}", "Sea"),
        waiting_recording("join2", word, "Seaside"),
    ]
    tagged = {"title": f"{word} tagged", "artist": "Band"}
    decomposed = unicodedata.normalize("NFD", f"{word} résumé")
    files = [
        SoundFile(f"{word} twin.wav", length),
        SoundFile(f"{word} edit.wav", near),
        SoundFile(f"{decomposed}.wav", length),
        SoundFile(f"{word} long.wav", far),
        SoundFile(f"{isrcs[0]}.wav", length, {"isrc": isrcs[1]}),
        SoundFile("shared.wav", length, {"isrc": isrcs[2]}),
        *(SoundFile(f"{folder}/{word}-M.wav", length) for folder in "ab"),
        # The track's number on an album is the custom id of another recording.
        SoundFile(f"{word}/0{number}.wav", length, tagged),
        SoundFile(f"{word} title.wav", length),
        SoundFile("?.wav", length),
        SoundFile(f"{word} blue - {word} night.wav", length),
        SoundFile(f"Seaside {word}.wav", length),
    ]
    return recordings, files


def test_of_500_files_with_60_traps_none_is_paired_wrongly() -> None:
    songs = songs_with_files(500 - 5 * 13)
    caught = [traps(number) for number in range(5)]
    waiting = [recording for recording, _file in songs] + [
        recording for ones, _ in caught for recording in ones
    ]
    files = [file for _recording, file in songs] + [
        file for _, sound_files in caught for file in sound_files
    ]
    for seed in range(3):
        chance = random.Random(seed)  # noqa: S311  # an order
        chance.shuffle(waiting)
        chance.shuffle(files)

        pairs, unpaired = pair(files, waiting)

        assert len(files) == 500
        paired = {pair.sound.path: pair.waiting.uid for pair in pairs}
        assert paired == {file.path: recording.uid for recording, file in songs}
        assert len(unpaired) == 65
