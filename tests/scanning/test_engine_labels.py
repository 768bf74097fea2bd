"""The names of engines on pages."""

from __future__ import annotations

import pytest

from scanning.choices import EngineChoice
from scanning.models import Scan


@pytest.mark.parametrize(
    ("engine", "version", "label"),
    [
        (EngineChoice.EMBEDDED, "embedded/1", "Embedded engine 1"),
        (EngineChoice.EMBEDDED, "", "Embedded engine"),
        (EngineChoice.EMBEDDED, "2+idx1", "Embedded engine 2+idx1"),
        (EngineChoice.ACRCLOUD, "acrcloud", "ACRCloud"),
        (EngineChoice.ACRCLOUD, "acrcloud, imported", "ACRCloud, imported"),
    ],
)
def test_an_engine_has_a_name_in_words(
    engine: EngineChoice, version: str, label: str
) -> None:
    assert Scan(engine=engine, engine_version=version).engine_label == label
