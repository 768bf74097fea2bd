"""The second readers of rights read the specification's samples and name each fault."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from rights import tis
from tests.imports.rights.making import NAME, cwr
from tests.imports.rights.readers import cwr as cwr_reader
from tests.imports.rights.readers import ern, table, territories
from tests.imports.rights.readers.claims import SeenShare
from tests.imports.rights.test_cwr import (
    SAMPLE,
    changed,
    faults_of,
    put,
    read,
    renumbered,
)
from tests.imports.rights.test_ern import ERN_43, ERN_382
from tests.monitoring.declarations.readers.common import ReaderFault

TABLE = (
    "custom_id,title,artists,work_id,party,party_ipi,role,right,kind,share_pct,"
    "territories,valid_from,valid_until\n"
    "r1,Blue Lantern,The Ferrymen,EX0001,Anna Muster,00000815140,CA,performing,"
    "ownership,50,WW,2026-01-01,\n"
)


def file_of(lines: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def test_cwr_sample() -> None:
    message = cwr_reader.parse(file_of(list(SAMPLE)), NAME)

    (work,) = message.works
    assert message.sender == "EXAMPLE MUSIC"
    assert (work.number, work.title, work.iswc, work.version) == (
        "EX0001",
        "BLUE LANTERN",
        "T9000000011",
        "ORI",
    )
    publisher, writer = ("EXAMPLE MUSIC", "E"), ("ANNA MUSTER", "CA")
    assert [(s.party, s.role, s.right, s.kind, s.percent) for s in work.shares] == [
        (*publisher, "PR", "OWN", Decimal(50)),
        (*publisher, "MR", "OWN", Decimal(100)),
        (*publisher, "SR", "OWN", Decimal(100)),
        (*publisher, "PR", "COL", Decimal(50)),
        (*publisher, "MR", "COL", Decimal(100)),
        (*publisher, "SR", "COL", Decimal(100)),
        (*writer, "PR", "OWN", Decimal(50)),
        (*writer, "PR", "COL", Decimal(50)),
    ]
    assert {s.included for s in work.shares if s.kind == "COL"} == {("2136",)}
    assert work.titles == [("BLAUE LATERNE", "TT")]
    assert work.performers == ["THE FERRYMEN"]
    assert work.publisher_of == {"ANNA MUSTER": "EXAMPLE MUSIC"}
    (recording,) = work.recordings
    assert (recording.isrc, recording.upc, recording.duration_ms) == (
        "QZAA02600001",
        "2000000000015",
        192_000,
    )


def test_cwr_of_many_works_has_no_fault() -> None:
    message = cwr_reader.parse(b"".join(cwr(120)), NAME)

    assert len(message.works) == 120


def test_cwr_takes_off_a_territory() -> None:
    lines = changed((4, put(56, "001")))
    exclusion = put(50, "E0840N002")(put(35, "0" * 15)(lines[4]))
    lines.insert(5, exclusion)
    for number in range(5, len(lines) - 2):
        lines[number] = put(12, f"{number - 2:08d}")(lines[number])
    lines[-2] = put(17, f"{12:08d}")(lines[-2])
    lines[-1] = put(17, f"{14:08d}")(lines[-1])

    (work,) = cwr_reader.parse(file_of(lines), NAME).works

    assert [s.excluded for s in work.shares if s.kind == "COL"] == [
        *[("0840",)] * 3,
        (),
    ]


def test_cwr_of_version_22() -> None:
    recording = (
        SAMPLE[10].ljust(266)
        + "BLUE LANTERN LIVE".ljust(60)
        + "LIVE".ljust(60)
        + "".ljust(60)
        + "HARBOUR".ljust(60)
    ).ljust(540)
    lines = [
        *changed((0, lambda line: line.ljust(167)), (1, put(12, "02.20")))[:7],
        SAMPLE[7].ljust(112),
        *SAMPLE[8:10],
        recording,
        *SAMPLE[11:],
    ]

    (work,) = cwr_reader.parse(file_of(lines), NAME.replace("V21", "V22")).works

    (seen,) = work.recordings
    assert (seen.title, seen.version_title, seen.label) == (
        "BLUE LANTERN LIVE",
        "LIVE",
        "HARBOUR",
    )


def collected(place: int, *areas: tuple[str, str, str]) -> list[str]:
    """Return more lines like a collection of the sample: I or E, TIS, three shares."""
    start = {SPT: (35, 50), SWT: (29, 44)}[place]
    return [
        put(start[0], shares)(put(start[1], f"{sign}{territory}")(SAMPLE[place]))
        for sign, territory, shares in areas
    ]


_NOTHING = "0" * 15
_PR_ONE = "00100" + "0" * 10


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2136", "2120"),
        ("2136", "2123"),
        ("2120", "0276"),
        ("2120", "2110"),
        ("2124", "2123"),
        ("2136", "2114"),
    ],
)
def test_cwr_collected_in_a_group_and_within_it_adds_up(
    first: str, second: str
) -> None:
    lines = [*SAMPLE]
    lines[SPT], lines[SWT] = put(51, first)(lines[SPT]), put(45, first)(lines[SWT])
    lines = renumbered(lines)
    assert cwr_reader.parse(file_of(lines), NAME).works
    lines[SPT + 1 : SPT + 1] = collected(SPT, ("I", second, _PR_ONE))
    lines = renumbered(lines)

    with pytest.raises(ReaderFault, match="PR collected"):
        cwr_reader.parse(file_of(lines), NAME)
    assert any("At most 100 %" in each.rule for each in faults_of(read(lines)))


def test_cwr_a_country_whose_group_was_taken_off_is_free_for_others() -> None:
    lines = [*SAMPLE]
    off = ("E", "2120", _NOTHING)
    lines[SWT + 1 : SWT + 1] = collected(
        SWT, off, ("I", "0756", "0500010000" + "10000")
    )
    lines[SPT + 1 : SPT + 1] = collected(SPT, off, ("I", "0276", "10000" + "0" * 10))
    lines = renumbered(lines)

    (work,) = cwr_reader.parse(file_of(lines), NAME).works

    assert len([each for each in work.shares if each.kind == "COL"]) == 8
    assert not faults_of(read(lines))


def test_cwr_names_the_groups_that_it_cannot_sum() -> None:
    lines = [*SAMPLE]
    off = ("E", "2114", _NOTHING)
    lines[SPT + 1 : SPT + 1] = collected(SPT, off)

    message = cwr_reader.parse(file_of(renumbered(lines)), NAME)

    assert "line 3: PR is not summed in 2114" in message.warnings


@pytest.mark.parametrize("group", territories.GROUPS)
def test_the_product_has_the_same_countries_of_a_group(group: str) -> None:
    assert territories.countries(group) == tis.members(group)


HDR, GRH, NWR, SPU, SPT, SWR, SWT, PWR, ALT, PER, REC, GRT, TRL = range(13)


@pytest.mark.parametrize(
    ("number", "change", "field"),
    [
        (HDR, put(4, "  "), "HDR sender type"),
        (HDR, put(60, "01.20"), "HDR EDI version"),
        (HDR, put(65, "20261320"), "HDR created"),
        (GRH, put(12, "02.20"), "GRH version"),
        (GRH, put(7, "00002"), "GRH group"),
        (NWR, put(4, "00000001"), "NWR transaction"),
        (NWR, put(20, " " * 60), "NWR title"),
        (NWR, put(82, " " * 14), "NWR submitter work"),
        (NWR, put(96, "T9000000012"), "NWR ISWC"),
        (NWR, put(127, "ROC"), "NWR category"),
        (NWR, put(130, "006112"), "NWR duration"),
        (NWR, put(143, "NEW"), "NWR version"),
        (NWR, str.lower, "letters"),
        (NWR, lambda line: line + " ", "length"),
        (SPU, put(12, "00000002"), "SPU record"),
        (SPU, put(31, " " * 45), "SPU name"),
        (SPU, put(77, "XX"), "SPU role"),
        (SPU, put(88, "00000471149"), "SPU IPI"),
        (SPU, put(116, "05007"), "PR sum"),
        (SPU, put(116, "5000 "), "SPU PR share"),
        (SPU, put(124, "10007"), "SPU MR share"),
        (SPU, lambda line: line[:118], "SPU PR share"),
        (SPT, put(51, "2135"), "SPT TIS"),
        (SPT, put(50, "E"), "SPT I/E"),
        (SPT, put(20, "P2"), "SPT party"),
        (SPT, put(35, "06000"), "PR collected"),
        (SWR, put(105, "XX"), "SWR role"),
        (SWR, put(29, " " * 45), "SWR last name"),
        (SWR, put(116, "00000815141"), "SWR IPI"),
        (SWR, put(155, "I-123456789-4"), "SWR IPI base"),
        (SWT, put(45, "0999"), "SWT TIS"),
        (PWR, put(102, "W2"), "PWR writer"),
        (ALT, put(80, "XX"), "ALT type"),
        (ALT, put(80, "OL  "), "ALT language"),
        (PER, put(20, " " * 45), "PER name"),
        (REC, put(237, "2000000000016"), "REC EAN"),
        (REC, put(250, "QZAA0260001 "), "REC ISRC"),
        (REC, put(262, "X"), "REC A V"),
        (GRT, put(9, "00000002"), "GRT transactions"),
        (GRT, put(17, "00000012"), "GRT records"),
        (TRL, put(4, "00002"), "TRL groups"),
        (TRL, put(9, "00000002"), "TRL transactions"),
        (TRL, put(17, "00000012"), "TRL records"),
    ],
)
def test_cwr_fault(number: int, change: Callable[[str], str], field: str) -> None:
    with pytest.raises(ReaderFault) as caught:
        cwr_reader.parse(file_of(changed((number, change))), NAME)

    sums = field.endswith(("sum", "collected"))
    line = NWR + 1 if sums else number + 1
    assert (caught.value.line, caught.value.field) == (line, field)


def test_cwr_with_too_much_for_publishers() -> None:
    lines = changed((SPU, put(116, "06000")), (SWR, put(130, "04000")))

    with pytest.raises(ReaderFault, match="PR publishers"):
        cwr_reader.parse(file_of(lines), NAME)


def test_cwr_may_lack_trailing_fields() -> None:
    message = cwr_reader.parse(file_of(changed((SPU, lambda line: line[:139]))), NAME)

    assert len(message.warnings) == sum(
        len(line) < cwr_reader.LENGTHS[line[:3]][0]
        for line in changed((SPU, lambda line: line[:139]))
    )
    assert any(note.startswith("line 4: 139") for note in message.warnings)


def test_cwr_of_another_name() -> None:
    with pytest.raises(ReaderFault, match="name"):
        cwr_reader.parse(file_of(list(SAMPLE)), "works.txt")


def test_ern_samples() -> None:
    old = ern.parse(ERN_382.encode(), "382.xml")
    new = ern.parse(ERN_43.encode(), "43.xml")

    assert (old.version, new.version) == ("3.8.2", "4.3")
    for message in (old, new):
        (recording,) = message.recordings
        assert (recording.isrc, recording.title) == ("QZAA02600001", "Blue Lantern")
        assert (recording.artists, recording.label) == (
            ("The Ferrymen",),
            "Harbour Lights",
        )
        assert message.releases[0].upc == "2000000000015"
        assert message.releases[0].tracks == ("QZAA02600001",)
        assert message.works[0].iswc == "T9000000011"
    assert old.recordings[0].duration_ms == 192_500
    half, unknown = old.recordings[0].shares
    assert (half.percent, unknown.percent) == (Decimal(50), None)
    assert new.recordings[0].shares == [
        SeenShare(
            party="Harbour Lights",
            role="RightsController",
            right="NR",
            kind="OWN",
            percent=Decimal(100),
            included=("CH",),
            valid_from=date(2026, 1, 1),
            valid_until=date(2027, 12, 31),
        )
    ]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("ern/43", "ern/44", "message"),
        ("NewReleaseMessage", "CatalogListMessage", "message"),
        ("QZAA02600001", "QZAA0260001", "ResourceId/ISRC"),
        ("T9000000011", "T9000000012", "WorkId/ISWC"),
        ("2000000000015", "2000000000016", "ReleaseId/ICPN"),
        ("0000000001R", "0000000001S", "ReleaseId/GRid"),
        (">100<", ">100.07<", "RightSharePercentage"),
        (">CH<", ">XX<", "TerritoryOfRightsDelegation"),
        ("2026-01-01", "2026-13-01", "PeriodOfRightsDelegation/StartDate"),
        ("PT3M12S", "3:12", "Duration"),
        (">A1<", ">1<", "ResourceReference"),
        (
            "<ArtistPartyReference>P2",
            "<ArtistPartyReference>P9",
            "ArtistPartyReference",
        ),
        ("<ern:New", "<!DOCTYPE a><ern:New", "DTD"),
        ("<PartyList>", "<PartyLis>", "XML"),
    ],
)
def test_ern_fault(old: str, new: str, field: str) -> None:
    content = ERN_43.replace(old, new)
    assert content != ERN_43

    with pytest.raises(ReaderFault) as caught:
        ern.parse(content.encode(), "43.xml")

    assert caught.value.field == field


def test_table_sample() -> None:
    message = table.parse(TABLE.encode(), "rights.csv")

    (work,) = message.works
    assert (work.number, work.title) == ("EX0001", "Blue Lantern")
    assert work.shares == [
        SeenShare(
            party="Anna Muster",
            role="CA",
            right="PR",
            kind="OWN",
            percent=Decimal(50),
            ipi="00000815140",
            valid_from=date(2026, 1, 1),
        )
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("work_id", "wrok_id", 1, "header"),
        ("00000815140", "00000815141", 2, "party_ipi"),
        ("Anna Muster", "", 2, "party"),
        ("performing", "perform", 2, "right"),
        ("ownership", "owned", 2, "kind"),
        (",50,", ",100.07,", 2, "share_pct"),
        (",50,", ",half,", 2, "share_pct"),
        ("WW", "XX", 2, "territories"),
        ("WW", "2135", 2, "territories"),
        ("2026-01-01", "01.01.2026", 2, "valid_from"),
        (",\n", "\n", 2, "cells"),
        ("performing", "master", 2, "right"),
    ],
)
def test_table_fault(old: str, new: str, line: int, field: str) -> None:
    content = TABLE.replace(old, new)
    if (old, new) == ("performing", "master"):
        content = content.replace("\nr1,", "\n,")

    with pytest.raises(ReaderFault) as caught:
        table.parse(content.encode(), "rights.csv")

    assert (caught.value.line, caught.value.field) == (line, field)
