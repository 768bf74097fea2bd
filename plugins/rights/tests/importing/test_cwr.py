"""CWR files: what is read, what is refused, and that nothing breaks the reader."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable
from decimal import Decimal

from plugins.rights.claims import ClaimFault, RightsMessage, WorkClaim
from plugins.rights.importing.cwr import is_cwr, read_cwr
from plugins.rights.importing.faults import MessageRefused, Read, ReadCounts
from plugins.rights.tests.importing.making import NAME, cwr
from plugins.rights.tests.importing.readers import cwr as second_reader

SAMPLE = (
    "HDRPB000471148EXAMPLE MUSIC                                01.102026112010150020261120               ",
    "GRHNWR0000102.100000000000  ",
    "NWR0000000000000000BLUE LANTERN                                                  EX0001        T900000001100000000            UNC000312Y      ORI                                                    00000000000                                                   N",
    "SPU000000000000000101P1       EXAMPLE MUSIC                                 E          00000471148              0800500008010000   10000                                               ",
    "SPT0000000000000002P1             050001000010000I2136N001",
    "SWR0000000000000003W1       MUSTER                                       ANNA                           CA         0000081514008005000   00000   00000                 000000000000 ",
    "SWT0000000000000004W1       050000000000000I2136N001",
    "PWR0000000000000005P1       EXAMPLE MUSIC                                                            W1       ",
    "ALT0000000000000006BLAUE LATERNE                                               TTDE",
    "PER0000000000000007THE FERRYMEN                                                                                       ",
    "REC000000000000000820260301                                                            000312     NIGHT PIER                                                  HARBOUR LIGHTS                                              NP001             2000000000015QZAA02600001AD   ",
    "GRT000010000000100000011   0000000000",
    "TRL000010000000100000013",
)
SPU, SPT, SWR, SWT = 3, 4, 5, 6


def read(lines: Iterable[str]) -> list[Read]:
    content = "".join(f"{line}\r\n" for line in lines).encode()
    return list(read_cwr(io.BytesIO(content), name=NAME))


def works_of(reads: Iterable[Read]) -> list[WorkClaim]:
    return [
        work for message in reads if isinstance(message, RightsMessage) for work in message.works
    ]


def faults_of(reads: Iterable[Read], *, warnings: bool = False) -> list[ClaimFault]:
    return [
        fault for fault in reads if isinstance(fault, ClaimFault) and fault.is_warning == warnings
    ]


def changed(*changes: tuple[int, Callable[[str], str]]) -> list[str]:
    """Return the sample with some lines changed; numbers count from 0."""
    lines = list(SAMPLE)
    for number, change in changes:
        lines[number] = change(lines[number])
    return lines


def put(start: int, text: str) -> Callable[[str], str]:
    """Return a change that writes a text at a position, counted from 1."""
    return lambda line: line[: start - 1] + text + line[start - 1 + len(text) :]


def renumbered(lines: list[str]) -> list[str]:
    """Return a file of one work with its records and counts numbered anew."""
    details = [
        f"{line[:3]}00000000{number:08d}{line[19:]}" for number, line in enumerate(lines[2:-2])
    ]
    count = len(details)
    return [
        *lines[:2],
        *details,
        f"GRT0000100000001{count + 2:08d}   0000000000",
        f"TRL0000100000001{count + 4:08d}",
    ]


def test_the_sample_is_read_whole() -> None:
    reads = read(SAMPLE)

    message, counts = reads
    assert isinstance(message, RightsMessage)
    assert isinstance(counts, ReadCounts)
    assert (message.sender, message.message_id) == ("EXAMPLE MUSIC", NAME)
    (work,) = message.works
    assert (work.title, work.iswc, work.submitter_id) == ("BLUE LANTERN", "T9000000011", "EX0001")
    assert [
        (share.party, share.role, share.right, share.kind, int(share.percent or 0))
        for share in work.shares
    ] == [
        ("P1", "E", "PR", "OWN", 50),
        ("P1", "E", "MR", "OWN", 100),
        ("P1", "E", "SR", "OWN", 100),
        ("P1", "E", "PR", "COL", 50),
        ("P1", "E", "MR", "COL", 100),
        ("P1", "E", "SR", "COL", 100),
        ("W1", "CA", "PR", "OWN", 50),
        ("W1", "CA", "PR", "COL", 50),
    ]
    assert work.shares[6].controlled_by == "P1"
    assert work.titles[0].text == "BLAUE LATERNE"
    (recording,) = message.recordings
    assert (recording.isrc, recording.artists, recording.duration_ms) == (
        "QZAA02600001",
        ("THE FERRYMEN",),
        192_000,
    )
    (release,) = message.releases
    assert (release.title, release.upc) == ("NIGHT PIER", "2000000000015")
    assert counts.records["NWR"] == 1
    assert counts.refused == 0


def test_another_reader_agrees_about_a_long_file() -> None:
    content = b"".join(cwr(130))

    reads = list(read_cwr(io.BytesIO(content), name=NAME))

    assert not faults_of(reads)
    assert not faults_of(reads, warnings=True)
    works = works_of(reads)
    names = {
        party.key: f"{party.first_name} {party.name}".strip()
        for entry in reads
        if isinstance(entry, RightsMessage)
        for party in entry.parties
    }
    expected = second_reader.parse(content, NAME).works
    assert len(works) == len(expected) == 130
    for work, expected_work in zip(works, expected, strict=True):
        assert (work.submitter_id, work.title, work.iswc) == (
            expected_work.number,
            expected_work.title,
            expected_work.iswc,
        )
        shares = [
            (names[share.party], share.role, share.right, share.kind, share.percent)
            for share in work.shares
            if share.percent
        ]
        assert shares == [
            (share.party, share.role, share.right, share.kind, share.percent)
            for share in expected_work.shares
        ]
        assert [(title.text, title.kind) for title in work.titles] == expected_work.titles
        assert list(work.recordings) == [
            seen_recording.isrc for seen_recording in expected_work.recordings
        ]


def test_an_excluded_territory_subtracts_from_the_one_before() -> None:
    lines = list(SAMPLE)
    lines.insert(SPT + 1, SAMPLE[SPT].replace("I2136", "E0840"))

    (work,) = works_of(read(renumbered(lines)))

    collected = [share for share in work.shares if share.party == "P1" and share.kind == "COL"]
    assert {(share.included, share.excluded) for share in collected} == {(("2136",), ("US",))}


# Changed lines, and the line, field and rule of the fault.
FAULTS: list[tuple[list[str], int, str, str]] = [
    (changed((SPU, put(124, "10007"))), 4, "SPU mr_share", "at most 100"),
    (changed((SPU, put(116, "05007"))), 3, "NWR PR", "at most 50"),
    (changed((SPU, put(116, "00000")), (SWR, put(130, "04993"))), 3, "NWR PR", "at least 50"),
    (changed((SPU, put(124, "09993"))), 3, "NWR MR", "100 % or"),
    (changed((SWT, put(29, "0500700100"))), 3, "NWR MR collection", "may be collected"),
    (changed((2, put(20, " " * 60))), 3, "NWR title", "required"),
    (changed((SPT, put(51, "2135"))), 5, "SPT territory", "territory"),
    (changed((SPT, put(50, "E"))), 5, "SPT territory", "must follow an included"),
    (changed((SPT, lambda line: line[:52])), 5, "SPT territory", "ends inside"),
    (changed((10, put(20, "20261301"))), 11, "REC released", "YYYYMMDD"),
    (changed((SWR, put(105, "ZZ"))), 6, "SWR type", "one of"),
    (changed((8, lambda line: line.replace("TTDE", "OL "))), 9, "ALT language", "language"),
    (changed((SPT, put(20, "P9"))), 5, "SPT party", "No share before"),
    (changed((SWT, put(12, "00000009"))), 7, "SWT", "should be"),
    (changed((SPU, put(116, "0X000"))), 4, "SPU pr_share", "digits"),
    (changed((2, put(20, "\x01"))), 3, "NWR", "control"),
]


def test_a_fault_is_named_and_keeps_the_work_out() -> None:
    for lines, line, field, rule in FAULTS:
        reads = read(lines)

        faults = faults_of(reads)
        assert any(
            fault.line == line and fault.field == field and rule in fault.rule for fault in faults
        ), (field, faults)
        assert works_of(reads) == []
        counts = reads[-1]
        assert isinstance(counts, ReadCounts)
        assert counts.refused == 1


def test_a_wrong_count_is_named_and_the_works_are_kept() -> None:
    for line, change, field in (
        (11, put(9, "00000002"), "GRT transactions"),
        (11, put(17, "00000099"), "GRT records"),
        (12, put(4, "00002"), "TRL groups"),
        (12, put(17, "00000099"), "TRL records"),
    ):
        reads = read(changed((line, change)))

        assert [fault.field for fault in faults_of(reads)] == [field]
        assert len(works_of(reads)) == 1


def test_every_fault_of_a_work_is_named_at_once() -> None:
    reads = read(changed((2, put(20, " " * 60)), (SPU, put(124, "10007")), (SPT, put(51, "2135"))))

    fields = {fault.field for fault in faults_of(reads)}
    assert {"NWR title", "SPU mr_share", "SPT territory"} <= fields


def test_a_cut_off_file_is_named() -> None:
    reads = read(SAMPLE[:-2])

    assert any("trailer" in fault.rule for fault in faults_of(reads))


def test_trimmed_records_are_read_with_a_warning() -> None:
    reads = read([line.rstrip() for line in SAMPLE])

    assert faults_of(reads) == []
    assert {fault.field for fault in faults_of(reads, warnings=True)} >= {"HDR", "SPU"}
    assert len(works_of(reads)) == 1


def test_tolerances_of_six_hundredths_hold() -> None:
    lines = changed((SPU, put(116, "05006")), (SWR, put(130, "05000")))

    assert faults_of(read(lines)) == []


def test_other_records_and_groups_are_counted_and_skipped() -> None:
    lines = renumbered([*SAMPLE[:9], "EWT" + " " * 100, *SAMPLE[9:]])
    lines[-1:] = [
        "GRHACK0000202.10000000000000",
        "ACK0000000000000000" + " " * 100,
        "NWR0000000000000001" + " " * 100,
        "GRT000020000000100000004   0000000000",
        "TRL000020000000200000018",
    ]

    reads = read(lines)

    counts = reads[-1]
    assert isinstance(counts, ReadCounts)
    assert counts.skipped == {"EWT": 1, "ACK": 1, "NWR": 1}
    assert faults_of(reads) == []
    assert len(works_of(reads)) == 1


def test_version_22_has_longer_records() -> None:
    lines = changed(
        (0, lambda line: line + "2.2" + "002" + " " * 60),
        (1, lambda line: line.replace("02.10", "02.20")),
        (7, lambda line: line + "01"),
        (
            10,
            lambda line: (
                line
                + "BLUE LANTERN".ljust(60)
                + "LIVE".ljust(60)
                + "THE OTHERS".ljust(60)
                + "PIER RECORDS".ljust(60)
                + "Y".ljust(20)
                + "X1".ljust(14)
            ),
        ),
    )

    reads = read(lines)

    assert [entry for entry in reads if isinstance(entry, ClaimFault)] == []
    message = reads[0]
    assert isinstance(message, RightsMessage)
    assert message.version == "2.2"
    (recording,) = message.recordings
    assert (recording.version_title, recording.artists, recording.label) == (
        "LIVE",
        ("THE OTHERS",),
        "PIER RECORDS",
    )


def test_an_ipi_of_over_nine_digits_begins_in_the_sender_type() -> None:
    lines = changed((0, put(4, "00000471148" + " " * 45)))

    reads = read(lines)

    assert isinstance(reads[0], RightsMessage)
    assert reads[0].sender == "00000471148"
    assert is_cwr(lines[0].encode())


def test_another_writer_needs_a_name_or_an_ipi() -> None:
    writer = f"O{SAMPLE[SWR][1:]}"
    no_name, no_ipi = put(29, " " * 75), put(116, " " * 11)
    for line, unnamed in ((no_ipi(writer), 0), (no_name(writer), 0), (no_name(no_ipi(writer)), 1)):
        reads = read(renumbered([*SAMPLE[:SWR], line, *SAMPLE[SWT + 2 :]]))

        assert faults_of(reads) == []
        assert isinstance(counts := reads[-1], ReadCounts)
        assert counts.skipped["share of an unnamed party"] == unnamed


def test_a_very_long_line_keeps_its_work_out() -> None:
    reads = read(changed((2, lambda line: line + "A" * 10_000)))

    assert any("longer" in fault.rule for fault in faults_of(reads))
    assert works_of(reads) == []


def test_shares_have_exact_hundredths() -> None:
    lines = changed(
        (SPU, put(116, "03333")),
        (SWR, put(130, "06667")),
        (SPT, put(35, "03333")),
        (SWT, put(29, "06667")),
    )

    (work,) = works_of(read(lines))

    assert work.shares[0].percent == Decimal("33.33")


def mutated(rng: random.Random, content: bytes) -> bytes:
    """Return a message with some bytes changed, removed, repeated or moved."""
    spoilt = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(spoilt))
        match rng.randrange(5):
            case 0:
                spoilt[at] = rng.randrange(256)
            case 1:
                del spoilt[at : at + rng.randint(1, 300)]
            case 2:
                spoilt[at:at] = spoilt[at : at + rng.randint(1, 300)]
            case 3:
                spoilt[at:at] = rng.choice([b"\r\n", b"\t", b"|", b"=1+1", "🎵".encode(), b"\x00"])
            case _:
                spoilt[at:at] = bytes([rng.randrange(48, 91)])
    return bytes(spoilt)


def test_mutated_files_never_break_the_reader() -> None:
    content = b"".join(cwr(3))
    for seed in range(300):
        bad = mutated(random.Random(seed), content)  # noqa: S311 - reproducible
        try:
            for entry in read_cwr(io.BytesIO(bad), name=NAME):
                assert isinstance(entry, (RightsMessage, ClaimFault, ReadCounts))
        except MessageRefused:
            continue


def titled(title: str, *, in_bytes: bool) -> bytes:
    """Return the sample with another title, padded to 60 characters or bytes."""
    size = len(title.encode()) if in_bytes else len(title)
    work = SAMPLE[2][:19] + title + " " * (60 - size) + SAMPLE[2][79:]
    return "".join(f"{line}\r\n" for line in changed((2, lambda _line: work))).encode()


def test_utf_8_is_padded_to_characters_or_bytes() -> None:
    for title in ("CAFÉ DE L’ÉTÉ", "ГРУППА КРОВИ", "STRAẞE"):
        for in_bytes in (True, False):
            content = titled(title, in_bytes=in_bytes)

            reads = list(read_cwr(io.BytesIO(content), name=NAME))

            assert faults_of(reads) == [], (title, in_bytes)
            assert [fault.rule[:24] for fault in faults_of(reads, warnings=True)] == [
                "CWR is written in ASCII."
            ]
            (work,) = works_of(reads)
            assert (work.title, work.iswc) == (title, "T9000000011")


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    content = b"\xef\xbb\xbf" + titled("BLUE LANTERN", in_bytes=True)

    assert is_cwr(content)
    reads = list(read_cwr(io.BytesIO(content), name=NAME))
    assert faults_of(reads) + faults_of(reads, warnings=True) == []
    assert works_of(reads)[0].title == "BLUE LANTERN"
