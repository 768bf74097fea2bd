"""The readers of declarations read the specification's samples and name each fault."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.monitoring.declarations.readers import bmi, cue, dsr, soundexchange, suisa
from tests.monitoring.declarations.readers import samples as of
from tests.monitoring.declarations.readers.common import (
    ISO_COUNTRIES,
    ReaderFault,
    ReadTotals,
    is_tis,
    is_valid,
)

Parse = Callable[[bytes, str], Any]


def fault(parse: Parse, text: str, name: str) -> tuple[int, str]:
    """Return line and field of the fault of a file."""
    with pytest.raises(ReaderFault) as caught:
        parse(text.encode(), name)
    return caught.value.line, caught.value.field


def changed(text: str, old: str, new: str) -> str:
    """Return a text with one place changed."""
    assert old in text
    return text.replace(old, new, 1)


def test_dsr_sample() -> None:
    message = dsr.parse(of.DSR.encode(), of.DSR_NAME)

    (block,) = message.blocks
    (play,) = message.plays()
    summary = message.summaries["1"]
    assert (message.head.message_id, message.head.sender) == (
        "HFM-2026-11-1",
        "Harbour Radio AG",
    )
    assert (summary.listener_hours, summary.net_revenue) == (
        Decimal("1480.5"),
        Decimal(250_000),
    )
    assert (block.iswc, block.duration_ms) == ("T9000000011", 192_000)
    assert block.writers == (("Anna Muster", "IPI::00000815140"),)
    assert block.publishers == (("Example Music", "IPI::00000471148"),)
    assert (play.station, play.recording, play.count) == ("Harbour FM", "r_01", 3)
    assert message.totals() == ReadTotals(plays=3, recordings=1, lines=5)


def test_dsr_packed_with_comment_and_crlf() -> None:
    text = changed(of.DSR, "SU05", "# counted\nSU05").replace(
        "FOOT\t5\t5", "FOOT\t6\t6"
    )
    data = gzip.compress(text.replace("\n", "\r\n").encode())

    assert dsr.parse(data, of.DSR_NAME + ".gz").totals().lines == 6


def test_dsr_with_nothing_to_report() -> None:
    head, summary, *_ = of.DSR.splitlines(keepends=True)
    text = head + changed(summary, "CH\t3", "CH\t0") + "FOOT\t3\t3\t1\t0\t0\n"

    assert dsr.parse(text.encode(), of.DSR_NAME).plays() == []


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("dsrf/30", "dsrf", 1, "MessageVersion"),
        ("RadioBroadcastProfile", "BroadcastReportingProfile", 1, "Profile"),
        ("\t1.0\t", "\t1.1\t", 1, "ProfileVersion"),
        ("HFM-2026-11-1", "", 1, "MessageId"),
        ("09:00:00Z", "09:00:00", 1, "MessageCreatedDateTime"),
        ("12-02T09", "13-02T09", 1, "MessageCreatedDateTime"),
        ("\t1\t1\t2026", "\t2\t1\t2026", 1, "FileNumber"),
        ("2026-11-30\t", "2026-10-30\t", 1, "UsageEndDate"),
        ("2026-11-01\t", "2026-11-31\t", 1, "UsageStartDate"),
        ("PADPIDA2099010101X\t", "PADPIDA2099010101Y\t", 1, "SenderPartyId"),
        ("Example Society\t", "\t", 1, "RecipientName"),
        ("Harbour Radio AG", " Harbour Radio AG", 1, "SenderName"),
        ("Example Society\t\n", "Example Society\n", 1, "cells"),
        ("AdvertisementSupportedModel", "Barter", 2, "CommercialModel"),
        ("\tBroadcast\t", "\tTape\t", 2, "UseType"),
        ("\tCH\t", "\tXX\t", 2, "Territory"),
        ("\tCH\t3\t", "\tCH\t\t", 2, "NumberOfBroadcasts"),
        ("1480.5", "1480,5", 2, "ListenerHours"),
        ("\tCHF\t", "\tFr.\t", 2, "Currency"),
        ("250000.00", "", 2, "NetRevenue"),
        ("\tPerformingRight\t", "\tRight\t", 2, "RightsType"),
        ("\tHarbour FM\t", "\tHarbour|FM\t", 2, "BroadcastStationOrChannel"),
        ("AS02.01\tBL1", "AS02.01\t1", 3, "BlockId"),
        ("\tQZAA02600001\t", "\tQZAA0260001\t", 3, "ISRC"),
        ("\tT9000000011\t", "\tT9000000012\t", 3, "ISWC"),
        ("IPI::00000815140", "IPI::00000815141", 3, "ComposerAuthorPartyId"),
        ("IPI::00000815140", "00000815140", 3, "ComposerAuthorPartyId"),
        ("Anna Muster\t", "Anna Muster|C. B.\t", 3, "ComposerAuthorPartyId"),
        ("\tBlue Lantern\t", "\t\t", 3, "Title"),
        ("\tThe Ferrymen\t", "\tThe Ferrymen\\\t", 3, "DisplayArtistName"),
        ("PT3M12S", "00:03:12", 3, "Duration"),
        ("PT3M12S", "PT3M", 3, "Duration"),
        ("SoundRecording", "Recording", 3, "ResourceType"),
        ("SU05\tBL1", "SU05\tBL2", 4, "BlockId"),
        ("SU05\tBL1\t1", "SU05\tBL1\t2", 4, "SummaryRecordId"),
        ("\tT1\t1\t", "\tT1\t2\t", 4, "TransactedResource"),
        ("\ttrue\t", "\tyes\t", 4, "IsRoyaltyBearing"),
        ("\ttrue\t3\t", "\ttrue\t2\t", 0, "NumberOfBroadcasts"),
        ("SU05", "SU06", 4, "RecordType"),
        ("FOOT\t5", "FOOT\t4", 5, "NumberOfLinesInFile"),
        ("FOOT\t5\t5", "FOOT\t5\t", 5, "NumberOfLinesInReport"),
        ("\t1\t1\t1\n", "\t2\t1\t1\n", 5, "NumberOfSummaryRecords"),
        ("\t1\t1\t1\n", "\t1\t2\t1\n", 5, "NumberOfBlocksInFile"),
        ("\t1\t1\t1\n", "\t1\t1\t2\n", 5, "NumberOfBlocksInReport"),
        ("\t1\t1\t1\n", "\t1\t1\t1", 5, "line end"),
        ("Blue Lantern", "Blue\x0bLantern", 3, "character"),
        ("HEAD", "\ufeffHEAD", 1, "encoding"),
        ("HEAD", "SY08", 1, "cells"),
    ],
)
def test_dsr_fault(old: str, new: str, line: int, field: str) -> None:
    text = changed(of.DSR, old, new)

    assert fault(dsr.parse, text, of.DSR_NAME) == (line, field)


@pytest.mark.parametrize(
    ("order", "line"),
    [
        ((1, 0, 2, 3, 4), 1),
        ((0, 2, 3, 1, 4), 2),
        ((0, 1, 3, 2, 4), 3),
        ((0, 1, 2, 4), 4),
    ],
)
def test_dsr_order_of_records(order: tuple[int, ...], line: int) -> None:
    lines = of.DSR.splitlines(keepends=True)

    text = "".join(lines[each] for each in order)

    assert fault(dsr.parse, text, of.DSR_NAME) == (line, "RecordType")


def test_dsr_without_foot() -> None:
    text = of.DSR[: of.DSR.index("FOOT")]

    assert fault(dsr.parse, text, of.DSR_NAME) == (4, "RecordType")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("_FM_", "_AM_", "name: service"),
        ("_2026-11_", "_2026-10_", "name: period"),
        ("_2026-11_", "_2026-Q4_", "name: period"),
        ("_CH_", "_DE_", "name: territory"),
        ("_1of1_", "_1of2_", "name: xofy"),
        ("T090000", "T250000", "name: time"),
        ("_1of1_", "_1of1_1of1_", "name"),
        ("PADPIDA2099010102V", "PADPIDA2099010102W", "name: recipient"),
        ("PADPIDA2099010101X", "Harbour", "name: sender"),
        ("DSR_", "", "name"),
        ("_FM_", "_F M_", "name"),
        (".tsv", ".txt", "name"),
    ],
)
def test_dsr_name(old: str, new: str, field: str) -> None:
    assert fault(dsr.parse, of.DSR, changed(of.DSR_NAME, old, new)) == (0, field)


@pytest.mark.parametrize(
    "name",
    [
        "DSR__HarbourRadioAG_FM_2026-11-01--2026-11-30__1of1_20261202T090000.tsv",
        "DSR_ExampleSociety_PADPIDA2099010101X_FM_2026-11_CH_20261202T090000.tsv",
        "DSR_ExampleSociety_PADPIDA2099010101X_FM_2026-11_CH__20261202T090000.tsv",
    ],
)
def test_dsr_names_that_leave_something_out(name: str) -> None:
    assert dsr.parse(of.DSR.encode(), name).totals().plays == 3


def test_cue_record_of_ddex() -> None:
    cells = dsr.cue_record(of.CU01)

    assert cells.text("ReferencedCreationTitle") == "Blue Lantern"
    with pytest.raises(ReaderFault, match="CueDuration"):
        dsr.cue_record(changed(of.CU01, "PT45S", "45"))
    with pytest.raises(ReaderFault, match="cells"):
        dsr.cue_record(of.CU01 + "\t")


@pytest.mark.parametrize("text", [of.SOUNDEXCHANGE, of.SOUNDEXCHANGE_HEADED])
def test_soundexchange_samples(text: str) -> None:
    report = soundexchange.parse(text.encode(), of.SOUNDEXCHANGE_NAME)

    (row,) = report.rows
    assert (row.service, row.category, row.artist) == (
        "HARBOUR FM",
        "B",
        "THE FERRYMEN",
    )
    assert (row.title, row.isrc, row.album) == (
        "BLUE LANTERN",
        "QZAA02600001",
        "NIGHT PIER",
    )
    assert report.totals().plays == 412


def test_soundexchange_zipped() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(of.SOUNDEXCHANGE_NAME, of.SOUNDEXCHANGE)

    name = of.SOUNDEXCHANGE_NAME.replace(".txt", ".zip")

    assert soundexchange.parse(packed.getvalue(), name).totals().plays == 412
    with pytest.raises(ReaderFault, match="zip"):
        soundexchange.parse(packed.getvalue(), name.replace("1101", "1102"))


def test_soundexchange_tuning_hours_of_new_subscription_services() -> None:
    text = of.SOUNDEXCHANGE.replace("^B^", "^H^").replace("412", "|12.5|^PIER^|7")

    report = soundexchange.parse(text.encode(), of.SOUNDEXCHANGE_NAME)

    assert (report.rows[0].tuning_hours, report.rows[0].frequency) == ("12.5", 7)


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("^HARBOUR FM^", "^^", 1, "NAME_OF_SERVICE"),
        ("HARBOUR FM", "PIER FM", 1, "NAME_OF_SERVICE"),
        ("^B^", "^D^", 1, "TRANSMISSION_CATEGORY"),
        ("THE FERRYMEN", "", 1, "FEATURED_ARTIST"),
        ("^THE FERRYMEN^", "THE FERRYMEN", 1, "FEATURED_ARTIST"),
        ("BLUE LANTERN", "BLUE^LANTERN", 1, "text indicator"),
        ("BLUE LANTERN", "BLÜE LANTERN", 1, "encoding"),
        ("QZAA02600001", "QZAA0260001", 1, "ISRC"),
        ("^QZAA02600001^|^NIGHT PIER^", "^^|^^", 1, "ALBUM_TITLE"),
        ("412", "^412^", 1, "ACTUAL_TOTAL_PERFORMANCES"),
        ("412", "41.2", 1, "ACTUAL_TOTAL_PERFORMANCES"),
        ("412", "", 1, "ACTUAL_TOTAL_PERFORMANCES"),
        ("|412", "", 1, "cells"),
        ("\r\n", "\n", 1, "line end"),
    ],
)
def test_soundexchange_fault(old: str, new: str, line: int, field: str) -> None:
    text = changed(of.SOUNDEXCHANGE, old, new)

    assert fault(soundexchange.parse, text, of.SOUNDEXCHANGE_NAME) == (line, field)


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("A. MUSTER", "", 2, "contact"),
        ("1 PIER ROAD", "1" * 256, 3, "street"),
        ("20261101", "20261102", 7, "start"),
        ("20261202", "2026-12-02", 9, "generated"),
        ("\r\n1\r\n", "\r\n2\r\n", 10, "row count"),
        ("\r\n|\r\n", "\r\n^\r\n", 12, "delimiter"),
        ("|\r\n\r\n", "|\r\nX\r\n", 13, "blank"),
        ("ALBUM_TITLE", "ALBUM", 14, "column names"),
        ("^HARBOUR FM^", "^HARBOURFM^", 15, "NAME_OF_SERVICE"),
    ],
)
def test_soundexchange_header_fault(old: str, new: str, line: int, field: str) -> None:
    text = changed(of.SOUNDEXCHANGE_HEADED, old, new)

    assert fault(soundexchange.parse, text, of.SOUNDEXCHANGE_NAME) == (line, field)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("HarbourFM01112026-30112026.txt", "start"),
        ("HarbourFM20261131-20261130.txt", "start"),
        ("HarbourFM20261101-20261131.txt", "end"),
        ("HarbourFM20261101-20261129.txt", "name"),
        ("HarbourFM20261101-20261130.csv", "name"),
    ],
)
def test_soundexchange_name(name: str, field: str) -> None:
    assert fault(soundexchange.parse, of.SOUNDEXCHANGE, name) == (0, field)


def test_suisa_sample() -> None:
    report = suisa.parse(of.SUISA.encode(), of.SUISA_NAME)

    (row,) = report.rows
    assert (row.title, row.composer, row.label) == (
        "Blue Lantern",
        "Anna Muster",
        "Harbour Lights",
    )
    assert row.starts_at == datetime(2026, 11, 3, 7, 15, 4)  # noqa: DTZ001 - local
    assert (row.own_recording, row.ean) == (False, "2000000000015")
    assert report.totals() == ReadTotals(1, 1, 2, 192_000)


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("Sendedatum", "Datum", 1, "header"),
        ("\r\nHarbour FM", "\r\nPier FM", 2, "Sender"),
        ("Blue Lantern", "", 2, "Titel des Musikwerks"),
        ("Anna Muster", "", 2, "Name des Komponisten"),
        ("2026-11-03", "03.11.2026", 2, "Sendedatum"),
        ("2026-11-03", "2026-12-03", 2, "Sendedatum"),
        ("00:03:12", "3:12", 2, "Sendedauer"),
        ("00:03:12", "00:00:00", 2, "Sendedauer"),
        ("07:15:04", "24:15:04", 2, "Sendezeit"),
        ("QZAA02600001", "", 2, "ISRC"),
        ("Harbour Lights", "", 2, "Label"),
        ("r_01", "", 2, "Identifikationsnummer"),
        ("nein", "no", 2, "Eigenaufnahmen"),
        ("2000000000015", "2000000000016", 2, "EAN / GTIN"),
        ("20260301", "2026-03-01", 2, "Erstveröffentlichungsdatum"),
        ("NP001,", "NP001", 2, "cells"),
        (",,,\r\n", ",,,\n", 0, "line end"),
    ],
)
def test_suisa_fault(old: str, new: str, line: int, field: str) -> None:
    text = changed(of.SUISA, old, new)

    assert fault(suisa.parse, text, of.SUISA_NAME) == (line, field)


def test_suisa_name() -> None:
    assert fault(suisa.parse, of.SUISA, "Harbour FM_2026_13.csv") == (0, "name")


def test_suisa_workbook() -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    rows = [line.split(",") for line in of.SUISA.splitlines()]

    def workbook(change: str | None = None) -> bytes:
        target = io.BytesIO()
        book = xlsxwriter.Workbook(target)
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for place, value in enumerate(row):
                sheet.write_string(number, place, value)
        if change:
            sheet.write_formula(1, 1, change)
        book.close()
        return target.getvalue()

    name = of.SUISA_NAME.replace(".csv", ".xlsx")
    read = suisa.parse(workbook(), name)

    assert read == suisa.parse(of.SUISA.encode(), of.SUISA_NAME)
    with pytest.raises(ReaderFault, match="is a formula"):
        suisa.parse(workbook("=1+1"), name)


def test_bmi_sample() -> None:
    log = bmi.parse(of.BMI.encode(), of.BMI_NAME)

    (row,) = log.rows
    assert (row.title, row.artist, row.composer) == (
        "BLUE LANTERN",
        "THE FERRYMEN",
        "ANNA MUSTER",
    )
    assert (row.isrc, row.use, row.type, row.format) == (
        "QZAA02600001",
        "F1",
        "FM",
        "POP",
    )
    assert row.starts_at == datetime(2026, 11, 3, 7, 15, 4)  # noqa: DTZ001 - local
    assert log.totals() == ReadTotals(1, 1, 3, 192_000)


def test_bmi_logs_of_several_days() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("b.txt", of.BMI.replace("20261103", "20261104"))
        archive.writestr("a.txt", of.BMI)

    logs = bmi.parse_all(packed.getvalue(), "november.zip")

    assert [log.day.day for log in logs] == [3, 4]
    assert bmi.parse_all(of.BMI.encode(), of.BMI_NAME) == logs[:1]


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("HEDR", "HEAD", 1, "record"),
        ("HEDRSTA", "HEDRNET", 1, "kind of source"),
        ("20261104090000", "20261304090000", 1, "created"),
        ("2026110307:15", "2026110407:15", 2, "start"),
        ("2026110307:15:04", "20261103071504  ", 2, "start"),
        ("20261101", "20261201", 2, "month"),
        ("000000001B", "000000002B", 2, "number"),
        ("FMPOP", "XXPOP", 2, "type"),
        ("BLUE LANTERN", "            ", 2, "title"),
        ("BLUE LANTERN ", " BLUE LANTERN", 2, "title"),
        ("00:03:12", "3:12    ", 2, "length"),
        ("QZAA02600001", "QZAA0260001 ", 2, "ISRC"),
        ("F1 ", "XX ", 2, "use"),
        ("F1 ", "F1", 2, "length"),
        ("\r\nFMDTHARBOUR", "\r\nFMDTHARBOR ", 2, "station"),
        ("TRLR000000000003", "TRLR000000000002", 3, "records"),
        ("TRLR000000000003", "TRLR1", 3, "length"),
        ("TRLR", "TAIL", 3, "record"),
        ("FMDT\r\n", "FMDT\n", 1, "character"),
    ],
)
def test_bmi_fault(old: str, new: str, line: int, field: str) -> None:
    text = changed(of.BMI, old, new)

    assert fault(bmi.parse, text, of.BMI_NAME) == (line, field)


def test_cue_sample() -> None:
    sheet = cue.parse(of.CUE.encode(), of.CUE_NAME)

    (row,) = sheet.rows
    assert (row.number, row.start_ms, row.end_ms) == (1, 124_000, 169_000)
    assert (row.run, row.use, row.origin) == (
        "first",
        "OnScreenMusic",
        "PreexistingMusic",
    )
    assert (row.writer_ipis, row.societies) == (("00000815140",), ("080",))
    starts_at = sheet.plays()[0].starts_at
    assert starts_at
    assert starts_at.isoformat() == "2026-11-03T07:02:04+01:00"
    assert sheet.totals() == ReadTotals(1, 1, 2, 45_000)


def test_cue_guards_and_lists() -> None:
    text = changed(of.CUE, "Anna Muster", "'=A\\|B|C\\\\")
    text = changed(text, "00000815140", "00000815140|")

    (row,) = cue.parse(b"\xef\xbb\xbf" + text.encode(), of.CUE_NAME).rows

    assert row.writers == ("=A|B", "C\\")
    assert row.writer_ipis == ("00000815140", "")


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("status", "state", 1, "header"),
        ("\n1,", "\nx,", 2, "cue_no"),
        ("Blue Lantern", "=Blue", 2, "title"),
        ("Anna Muster", "Anna\\Muster", 2, "writers"),
        ("QZAA02600001", "QZAA0260001", 2, "isrc"),
        ("T9000000011", "T9000000012", 2, "iswc"),
        ("featured", "loud", 2, "usage"),
        ("00:02:04.000", "00:02:04", 2, "time_in"),
        ("00:02:49.000", "00:01:49.000", 2, "time_out"),
        ("00:00:45.000", "00:00:46.000", 2, "duration"),
        ("100.00", "101.00", 2, "share_pct"),
        ("confirmed", "", 2, "status"),
        ("m_01,Harbour FM", "m_01,", 2, "station"),
        ("+01:00", "Z", 2, "broadcast_start"),
        (",first,", ",third,", 2, "run"),
        ("OnScreenMusic", "featured", 2, "use"),
        ("PreexistingMusic", "Other", 2, "origin"),
        ("00000815140", "00000815141", 2, "writer_ipi"),
        ("00000471148", "00000471148|", 2, "publisher_ipi"),
        (",080", ",80", 2, "society"),
        (",080", "", 2, "cells"),
    ],
)
def test_cue_fault(old: str, new: str, line: int, field: str) -> None:
    text = changed(of.CUE, old, new)

    assert fault(cue.parse, text, of.CUE_NAME) == (line, field)


def test_cue_order() -> None:
    line = of.CUE.splitlines(keepends=True)[1]

    assert fault(cue.parse, of.CUE + line, of.CUE_NAME) == (3, "cue_no")
    earlier = changed(line, "00:02:04.000", "00:02:03.000")
    assert fault(cue.parse, of.CUE + "2" + earlier[1:], of.CUE_NAME) == (3, "time_in")


@pytest.mark.parametrize(
    ("kind", "valid", "invalid"),
    [
        ("ISRC", "QZAA02600001", "QZAA0260001"),
        ("ISWC", "T9000000011", "T9000000012"),
        ("IPI", "00000815140", "00000815141"),
        ("IPI base", "I-123456789-3", "I-123456789-4"),
        ("ISNI", "0000000100000009", "0000000100000008"),
        ("ISNI", "0000000081266409", "000000008126640X"),
        ("GRid", "A1ZZZZZ0000000001R", "A1ZZZZZ0000000001S"),
        ("GRid", "A12425GABC1234002M", "A12425GABC1234002N"),
        ("DPID", "PADPIDA2099010101X", "PADPIDA2099010101Y"),
        ("DPID", "PADPIDA3897722461G", "PADPIDA3897722461H"),
        ("UPC", "2000000000015", "2000000000016"),
        ("label code", "LC00001", "LC"),
    ],
)
def test_identifiers(kind: str, valid: str, invalid: str) -> None:
    assert is_valid(kind, valid)
    assert not is_valid(kind, invalid)


def test_territories() -> None:
    assert len(ISO_COUNTRIES) == 249
    assert is_tis("0756")
    assert is_tis("2136")
    assert is_tis("2100")
    assert not is_tis("2135")
    assert not is_tis("0999")
