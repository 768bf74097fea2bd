"""Cells with percents are read as they show."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from catalogue.owners.models import Share
from plugins.rights.importing.importer import RightsImporter, RightsSummary
from plugins.rights.importing.reading import open_message
from tests.imports.test_other_programs import CASES


def import_rights(path: Path) -> RightsSummary:
    task = RightsImporter(source="test", sender="T", user=None, dry=False)
    with open_message(path, name=path.name) as reads:
        return task.run(reads)


@pytest.mark.django_db
def test_percent_cells_are_the_shares_that_they_show() -> None:
    summary = import_rights(CASES / "b1_rights_percent_cells.xlsx")

    assert not summary.faults
    assert [share.percent for share in Share.objects.all()] == [Decimal(50)] * 2
