"""ISRC, UPC/EAN and ISWC: normalised where they fit, refused where they cannot."""

from __future__ import annotations

import pytest

from catalogue.identifiers import BadIdentifier, check_isrc, check_iswc, check_upc
from catalogue.models import CodeStatus


@pytest.mark.parametrize(
    ("given", "normalised", "status"),
    [
        ("ZZX012600001", "ZZX012600001", CodeStatus.VALID),
        ("zz-x01-26-00001", "ZZX012600001", CodeStatus.CORRECTED),
        ("ISRC ZZ X01 26 00001", "ZZX012600001", CodeStatus.CORRECTED),
        ("", "", CodeStatus.MISSING),
        ("ZZX01260000", "", CodeStatus.MALFORMED),
        ("12X012600001", "", CodeStatus.MALFORMED),
    ],
)
def test_isrc_is_normalised_and_judged(
    given: str, normalised: str, status: CodeStatus
) -> None:
    checked = check_isrc(given)

    assert (checked.normalised, checked.status) == (normalised, status)


@pytest.mark.parametrize(
    "code", ["040000000013", "2000000000015", "2 000000-000015", ""]
)
def test_upc_with_the_right_check_digit_passes(code: str) -> None:
    assert check_upc(code) == code.replace(" ", "").replace("-", "")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("040000000014", "should be 3"),
        ("123", "8, 12 or 13"),
        ("²00000000001", "8, 12"),
    ],
)
def test_upc_that_cannot_be_right_says_why(code: str, told: str) -> None:
    with pytest.raises(BadIdentifier, match=told):
        check_upc(code)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("T-000.000.001-0", "T0000000010"), ("T9000000420", "T9000000420"), ("", "")],
)
def test_iswc_with_the_right_check_digit_passes(given: str, kept: str) -> None:
    assert check_iswc(given) == kept


def test_iswc_that_cannot_be_right_says_why() -> None:
    with pytest.raises(BadIdentifier, match="should be 0"):
        check_iswc("T-000.000.001-5")
