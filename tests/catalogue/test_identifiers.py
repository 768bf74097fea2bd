"""Codes of recordings, works and parties: normalised, or refused where they cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from catalogue.identifiers import (
    BadIdentifier,
    check_dpid,
    check_grid,
    check_ipi_base,
    check_ipi_name,
    check_ipn,
    check_isan,
    check_isni,
    check_isrc,
    check_iswc,
    check_label_code,
    check_society,
    check_upc,
)
from catalogue.models import CodeStatus


def test_isrc_is_normalised_and_judged() -> None:
    cases: list[tuple[str, str, CodeStatus]] = [
        ("ZZX012600001", "ZZX012600001", CodeStatus.VALID),
        ("zz-x01-26-00001", "ZZX012600001", CodeStatus.CORRECTED),
        ("ISRC ZZ X01 26 00001", "ZZX012600001", CodeStatus.CORRECTED),
        ("", "", CodeStatus.MISSING),
        ("ZZX01260000", "", CodeStatus.MALFORMED),
        ("12X012600001", "", CodeStatus.MALFORMED),
    ]
    for text, normalised, status in cases:
        checked = check_isrc(text)

        assert (checked.normalised, checked.status) == (normalised, status), text


def test_upc_that_cannot_be_right_says_why() -> None:
    cases: list[tuple[str, str]] = [
        ("040000000014", "should be 3"),
        ("123", "8, 12 or 13"),
        ("²00000000001", "8, 12"),
    ]
    for code, valid in cases:
        with pytest.raises(BadIdentifier, match=valid):
            check_upc(code)


def test_a_code_that_fits_is_normalised() -> None:
    cases: list[tuple[Callable[[str], str], str, str]] = [
        (check_iswc, "T-000.000.001-0", "T0000000010"),
        (check_iswc, "T9000000011", "T9000000011"),
        (check_iswc, "", ""),
        (check_upc, "040000000013", "040000000013"),
        (check_upc, "2 000000-000015", "2000000000015"),
        (check_upc, "", ""),
        (check_ipi_name, "00000815140", "00000815140"),
        (check_ipi_name, "815140".zfill(9), "00000815140"),
        (check_ipi_name, "00000000000", ""),
        (check_ipi_base, "I-123456789-3", "I-123456789-3"),
        (check_ipi_base, "I1234567893", "I-123456789-3"),
        (check_isni, "0000 0000 8126 6409", "0000000081266409"),
        (check_isni, "0000000100000009", "0000000100000009"),
        (check_grid, "A1-2425G-ABC1234002-M", "A12425GABC1234002M"),
        (check_grid, "A1ZZZZZ0000000001R", "A1ZZZZZ0000000001R"),
        (check_isan, "ISAN 0000-0000-d07a-0090-q", "0000-0000-D07A-0090-Q"),
        (check_isan, "00000000D07A0090Q00000000X", "0000-0000-D07A-0090-Q-0000-0000-X"),
        (check_dpid, "PA-DPIDA-3897722461-G", "PADPIDA3897722461G"),
        (check_dpid, "PADPIDA2099010101X", "PADPIDA2099010101X"),
        (check_label_code, "LC 0001", "LC00001"),
        (check_label_code, "00001", "LC00001"),
        (check_society, "80", "080"),
        (check_society, "000", ""),
        (check_ipn, "1234567", "1234567"),
    ]
    for check, text, normalised in cases:
        assert check(text) == normalised, text
        assert check(normalised) == normalised, text


def test_a_code_that_does_not_fit_is_refused() -> None:
    cases: list[tuple[Callable[[str], str], str]] = [
        (check_iswc, "T9000000012"),
        (check_ipi_name, "00000815141"),
        (check_ipi_base, "I-123456789-4"),
        (check_isni, "0000000100000008"),
        (check_grid, "A1ZZZZZ0000000001S"),
        (check_isan, "0000-0000-D07A-0090"),
        (check_isan, "0000-0000-D07A-0090-X"),
        (check_isan, "0000-0000-D07A-0090-Q-0000-0001-X"),
        (check_dpid, "PADPIDA2099010101Y"),
        (check_label_code, "LC"),
        (check_society, "SUISA"),
        (check_ipn, "123456789"),
    ]
    for check, text in cases:
        with pytest.raises(BadIdentifier, match=r"should be|not '"):
            check(text)


_CODES = st.sampled_from(
    [
        (check_upc, "2000000000015", "0123456789"),
        (check_iswc, "T9000000011", "0123456789"),
        (check_ipi_base, "I-123456789-3", "0123456789"),
        (check_isni, "0000000081266409", "0123456789"),
        (check_grid, "A12425GABC1234002M", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (check_dpid, "PADPIDA3897722461G", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ]
)


@drawn(code=_CODES, data=st.data())
def test_one_wrong_character_at_the_end_is_always_noticed(
    code: tuple[Callable[[str], str], str, str], data: st.DataObject
) -> None:
    check, valid, alphabet = code
    wrong = data.draw(st.sampled_from(alphabet.replace(valid[-1], "")))

    with pytest.raises(BadIdentifier):
        check(valid[:-1] + wrong)


@drawn(
    check=st.sampled_from(
        [
            *(check_iswc, check_ipi_name, check_ipi_base, check_isni, check_grid),
            *(check_isan, check_dpid, check_upc, check_label_code, check_society),
            check_ipn,
        ]
    ),
    text=st.text(max_size=30),
)
def test_any_text_is_a_code_or_is_refused(check: Callable[[str], str], text: str) -> None:
    try:
        stored_text = check(text)
    except BadIdentifier:
        return

    assert check(stored_text) == stored_text
