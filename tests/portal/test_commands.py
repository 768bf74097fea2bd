"""Management commands of the portal."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.factories.catalogue import BucketFactory


@pytest.mark.django_db
def test_nobody_imports_under_a_name_that_is_unknown(tmp_path: Path) -> None:
    bucket = BucketFactory.create()
    table = tmp_path / "table.csv"
    table.write_text("custom_id,title,artists\nL1,T,A\n")

    with pytest.raises(CommandError, match="no user mira"):
        call_command(
            "import_recordings", str(table), bucket=str(bucket.pk), username="mira"
        )

    assert not bucket.recordings.exists()
