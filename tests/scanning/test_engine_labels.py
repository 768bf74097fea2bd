"""The names of engines on pages."""

from __future__ import annotations

from scanning.choices import EngineChoice
from scanning.models import Scan


def test_an_engine_has_a_name_in_words() -> None:
    cases: list[tuple[EngineChoice, str, str]] = [
        (EngineChoice.EMBEDDED, "embedded/1", "Embedded engine 1"),
        (EngineChoice.EMBEDDED, "", "Embedded engine"),
        (EngineChoice.EMBEDDED, "2+idx1", "Embedded engine 2+idx1"),
        (EngineChoice.ACRCLOUD, "acrcloud", "ACRCloud"),
        (EngineChoice.ACRCLOUD, "acrcloud, imported", "ACRCloud, imported"),
    ]
    for engine, version, label in cases:
        assert Scan(engine=engine, engine_version=version).engine_label == label, engine
