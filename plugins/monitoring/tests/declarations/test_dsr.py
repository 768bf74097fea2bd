"""DDEX's sales report for radio: its lines, its name, what it refuses and changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from plugins.monitoring.declarations.facts import Contributor, DeclarationFacts
from plugins.monitoring.declarations.formats.base import MandatoryMissing
from plugins.monitoring.declarations.formats.dsr.format import DSR_RADIO
from plugins.monitoring.tests.declarations.samples import (
    RECIPIENT,
    RECORDING,
    SENDER,
    STATION,
    facts,
    missing,
    play,
    with_recording,
    with_station,
    written,
)

GOLDEN = Path(__file__).parent / "golden"


def records(declared: DeclarationFacts) -> list[list[str]]:
    content, _totals = written(DSR_RADIO, declared)
    return [line.split("\t") for line in content.decode().splitlines()]


def resource(declared: DeclarationFacts) -> list[str]:
    return next(cells for cells in records(declared) if cells[0] == "AS02.01")


def test_the_sample_of_the_specification_is_written() -> None:
    content, totals = written(DSR_RADIO, facts())

    assert content == (GOLDEN / "dsr_radio.tsv").read_bytes()
    assert (totals.plays, totals.played_ms, totals.recordings) == (3, 576_000, 1)
    assert totals.lines == 5
    assert totals.changed == ()


def test_the_file_is_named_by_the_rule() -> None:
    assert DSR_RADIO.file_name(facts()) == (
        "DSR_PADPIDA2099010102V_PADPIDA2099010101X_FM_2026-11_CH_1of1_20261202T090000.tsv"
    )


def test_the_name_shortens_whole_periods() -> None:
    for begins, ends, period in [
        (date(2026, 1, 1), date(2026, 12, 31), "2026"),
        (date(2024, 2, 1), date(2024, 2, 29), "2024-02"),
        (date(2023, 2, 1), date(2023, 2, 28), "2023-02"),
        (date(2026, 10, 1), date(2026, 12, 31), "2026-Q4"),
        (date(2026, 11, 3), date(2026, 11, 3), "2026-11-03"),
        (date(2026, 11, 1), date(2026, 11, 29), "2026-11-01--2026-11-29"),
        (date(2026, 11, 1), date(2026, 12, 31), "2026-11-01--2026-12-31"),
        (date(2025, 12, 1), date(2026, 12, 31), "2025-12-01--2026-12-31"),
    ]:
        name = DSR_RADIO.file_name(facts(begins=begins, ends=ends))

        assert name.split("_")[4] == period, period


def test_several_territories_leave_the_name_without_one() -> None:
    other_station = replace(STATION, uid="st_other", name="Inland FM", territory="DE")

    name = DSR_RADIO.file_name(facts(stations=(STATION, other_station)))

    assert "_2026-11__1of1_" in name


def test_each_station_has_a_summary_and_each_recording_a_line_per_station() -> None:
    other_station = replace(STATION, uid="st_other", name="Inland FM")
    second = replace(RECORDING, uid="rec_second", own_id="r_02", isrc="")
    plays = (
        play(1),
        play(2, recording="rec_second"),
        play(3, station="st_other"),
        play(4, station="st_other"),
    )

    texts = records(
        facts(stations=(STATION, other_station), recordings=(RECORDING, second), plays=plays)
    )

    assert [cells[0] for cells in texts] == [
        *("HEAD", "SY08", "SY08"),
        *("AS02.01", "SU05", "SU05"),
        *("AS02.01", "SU05"),
        "FOOT",
    ]
    assert [cells[9] for cells in texts if cells[0] == "SY08"] == ["2", "2"]
    uses = [cells for cells in texts if cells[0] == "SU05"]
    assert [(cells[1], cells[2], cells[3], cells[6]) for cells in uses] == [
        ("BL1", "1", "T1", "1"),
        ("BL1", "2", "T2", "2"),
        ("BL2", "1", "T3", "1"),
    ]
    assert texts[-1] == ["FOOT", "9", "9", "2", "2", "2"]


def test_a_period_without_music_has_a_summary_and_no_block() -> None:
    texts = records(facts(recordings=(), plays=()))

    assert [cells[0] for cells in texts] == ["HEAD", "SY08", "FOOT"]
    assert texts[1][9] == "0"
    assert texts[2] == ["FOOT", "3", "3", "1", "0", "0"]


def test_writers_stand_in_the_cells_of_their_roles() -> None:
    writers = (
        Contributor("Ada", "CA", "00000815140"),
        Contributor("Bo", "A"),
        Contributor("Cy", "AR"),
        Contributor("Di", "TR"),
        Contributor("Ed", ""),
    )

    cells = resource(with_recording(writers=writers))

    assert cells[12:16] == ["Ada|Bo", "IPI::00000815140|", "Cy", ""]
    assert cells[18:20] == ["Di|Ed", ""]


def test_durations_have_only_the_parts_they_need() -> None:
    for duration_ms, message in [
        (1, "PT0.001S"),
        (59_500, "PT59.5S"),
        (60_000, "PT1M0S"),
        (3_723_000, "PT1H2M3S"),
    ]:
        assert resource(with_recording(duration_ms=duration_ms))[9] == message, message


def test_delimiters_in_values_are_replaced_and_listed() -> None:
    declared = with_recording(title="Blue\tLan|tern\\n\r\n", artists=("A|B", "C"))

    content, totals = written(DSR_RADIO, declared)

    cells = content.decode().splitlines()[2].split("\t")
    assert cells[5] == "Blue Lan/tern/n"
    assert cells[7] == "A/B, C"
    assert b"\\" not in content
    assert len(totals.changed) == 2
    assert "Title: “Blue␣Lan|tern\\n␣␣” is written as" in totals.changed[0]


def test_a_service_with_blanks_is_the_same_in_file_and_name() -> None:
    declared = facts(service="Harbour_FM night")

    assert records(declared)[0][12] == records(declared)[1][4] == "Harbour-FM-night"
    assert DSR_RADIO.file_name(declared).split("_")[3] == "Harbour-FM-night"


def test_each_missing_or_impossible_value_is_named_and_nothing_is_written() -> None:
    for declared, gap in [
        (facts(message_id=""), "profile MessageId"),
        (facts(service="  "), "profile ServiceDescription"),
        (facts(sender=replace(SENDER, dpid="")), "profile SenderPartyId"),
        (facts(sender=replace(SENDER, dpid="PADPIDA2099010101Y")), "profile SenderPartyId"),
        (facts(sender=replace(SENDER, name="")), "profile SenderName"),
        (facts(recipient=replace(RECIPIENT, dpid="")), "profile RecipientPartyId"),
        (facts(recipient=replace(RECIPIENT, name="")), "profile RecipientName"),
        (facts(stations=(), recordings=(), plays=()), "profile SummaryRecordId"),
        (with_station(commercial_model=""), "station st_harbour CommercialModel"),
        (with_station(type="tv_station"), "station st_harbour UseType"),
        (with_station(type="other_station"), "station st_harbour UseType"),
        (with_station(territory=""), "station st_harbour Territory"),
        (with_station(territory="XX"), "station st_harbour Territory"),
        (with_station(listener_hours=None), "figures st_harbour ListenerHours"),
        (with_station(net_revenue=None), "figures st_harbour NetRevenue"),
        (with_station(currency=""), "figures st_harbour Currency"),
        (with_station(currency="CHQ"), "figures st_harbour Currency"),
        (with_recording(own_id=""), "recording rec_blue DspResourceId"),
        (with_recording(title="\t\n"), "recording rec_blue Title"),
        (with_recording(artists=()), "recording rec_blue DisplayArtistName"),
        (with_recording(duration_ms=None), "recording rec_blue Duration"),
        (with_recording(duration_ms=0), "recording rec_blue Duration"),
        (with_recording(isrc="QZAA0260001"), "recording rec_blue ISRC"),
        (with_recording(iswc="T9000000012"), "recording rec_blue ISWC"),
        (
            with_recording(writers=(Contributor("A", "CA", "00000815141"),)),
            "recording rec_blue ComposerAuthorPartyId",
        ),
        (
            with_recording(publishers=(Contributor("A", "E", "00000815141"),)),
            "recording rec_blue MusicPublisherPartyId",
        ),
    ]:
        assert missing(DSR_RADIO, declared) == [gap], gap
        with pytest.raises(MandatoryMissing) as refused:
            written(DSR_RADIO, declared)
        assert refused.value.gaps[0].why.endswith("."), gap


def test_known_zeros_are_no_gaps() -> None:
    declared = with_station(listener_hours=0, net_revenue=0, performances=0)

    summary = records(declared)[1]

    assert (summary[10], summary[11], summary[13]) == ("0", "0", "0.00")


def test_optional_values_may_be_unknown() -> None:
    declared = with_recording(isrc="", iswc="", writers=(), publishers=())

    assert resource(declared)[11:] == [""] * 10
