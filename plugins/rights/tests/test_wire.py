"""``rights_claim`` and ``works`` in results, in the form that ACRCloud documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from catalogue.models import Recording
from catalogue.owners.choices import ConflictKind, ConflictState
from catalogue.owners.models import Conflict, RightsRecording
from plugins.rights.conflicts import refresh
from plugins.rights.tests.factories import (
    ISRC,
    LABEL,
    PUBLISHER,
    WRITER,
    claim,
    claim_all,
    master,
    recording,
    share,
    work,
)
from scanning.choices import Section
from scanning.engines.acrcloud_results import read_items
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import make_detection
from web.acrapi.results import results_of
from web.acrapi.rights import rights_on_wire

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Recording:
    return RecordingFactory.create(isrc=ISRC, isrc_normalised=ISRC)


def stated(ours: Recording) -> dict[str, Any]:  # Any: JSON
    return rights_on_wire([ours])[ours.pk]


def test_claims_name_who_controls_which_owners_share_and_where(ours: Recording) -> None:
    claim(
        parties=(WRITER, PUBLISHER, LABEL),
        recordings=[
            recording(
                shares=(
                    master("L1", "60", included=("CH", "AT"), controlled_by="P1"),
                    master("W1", "40", included=("AT", "CH"), controlled_by="P1"),
                    master("L1", "100", included=("DE",)),
                )
            )
        ],
    )

    claims = stated(ours)["rights_claim"]

    assert claims == [
        {
            "distributor": {"name": "Example Music"},
            "rights_owners": [
                {"name": "Harbour Lights", "share_percentage": 60.0},
                {"name": "Anna Muster", "share_percentage": 40.0},
            ],
            "territories": ["AT", "CH"],
        },
        {
            "distributor": {"name": "Harbour Lights"},
            "rights_owners": [{"name": "Harbour Lights", "share_percentage": 100.0}],
            "territories": ["DE"],
        },
    ]


def test_works_name_writers_and_no_publishers(ours: Recording) -> None:
    claim_all(works=[work(shares=(share("W1"), share("W1", role="AR"), share("P1")))])

    works = stated(ours)["works"]

    assert works == [
        {
            "iswc": "T9000000011",
            "name": "Blue Lantern",
            "creators": [
                {
                    "name": "Muster Anna",
                    "last_name": "Muster",
                    "ipi": 815140,
                    "roles": ["Composer", "Author", "Arranger"],
                }
            ],
        }
    ]


def test_a_share_that_ended_is_claimed_no_longer(ours: Recording) -> None:
    ended = master("L1", valid_until=datetime(2026, 5, 1, tzinfo=UTC).date())
    claim(recordings=[recording(shares=(ended,))])

    with time_machine.travel(datetime(2026, 5, 1, tzinfo=UTC)):
        assert stated(ours)["rights_claim"]
    with time_machine.travel(datetime(2026, 5, 2, tzinfo=UTC)):
        assert rights_on_wire([ours]) == {}


def test_nobody_owns_what_sources_dispute_until_a_person_believes_one(ours: Recording) -> None:
    claim(sender="One", recordings=[recording()])
    claim(sender="Two", recordings=[recording(shares=(master("P1"),))])
    refresh([RightsRecording.objects.get()])
    conflict = Conflict.objects.get(kind=ConflictKind.OVERLAP)

    assert rights_on_wire([ours]) == {}

    Conflict.objects.filter(pk=conflict.pk).update(
        state=ConflictState.SETTLED, has_choice=True, chosen="Two"
    )
    [rights_claim] = stated(ours)["rights_claim"]
    assert rights_claim["rights_owners"] == [{"name": "Example Music", "share_percentage": 100.0}]


@pytest.mark.parametrize("section", [Section.CUSTOM_FILES, Section.MUSIC])
def test_results_keep_what_another_engine_said_until_we_know_better(
    ours: Recording, section: Section
) -> None:
    theirs: dict[str, Any] = {  # Any: JSON
        "rights_claim": [
            {
                "distributor": {"id": "PADPIDA2099010101X", "name": "Example Group"},
                "rights_owners": [{"name": "Example Group", "share_percentage": 100}],
                "rights_claim_policy": "monetize",
                "territories": ["AD", "AE"],
            }
        ],
        "works": [{"iswc": "T9000000012", "name": "OTHER", "creators": []}, "no work"],
        "external_metadata": {"youtube": {"vid": "a"}, "deezer": []},
    }
    entry = {"offset": 1, "played_duration": 9, "result": {"title": "T", **theirs}}
    [item] = read_items({section.value: [entry]})
    detection = make_detection((0, 9_000, 0, 9_000), recording=ours, section=section, ids=item.ids)
    file = detection.scan.scanned_file

    def result() -> dict[str, Any]:  # Any: JSON
        sections = results_of([file])[file.pk] or {}
        entry: dict[str, Any] = sections[section.value][0]["result"]
        return entry

    assert result()["rights_claim"] == theirs["rights_claim"]
    assert result()["works"] == [theirs["works"][0]]
    platforms = {} if section == Section.CUSTOM_FILES else {"youtube": {"vid": "a"}}
    assert result()["external_metadata"] == platforms

    claim_all(recordings=[recording(shares=(master("L1", "100"),))])

    assert result()["rights_claim"][0]["rights_owners"] == [
        {"name": "Harbour Lights", "share_percentage": 100.0}
    ]
    assert result()["works"][0]["iswc"] == "T9000000011"
