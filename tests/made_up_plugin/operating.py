"""What the doctor and the metrics say of letters."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from prometheus_client.core import Metric

from operations.findings import DoctorFinding
from operations.gauges import gauge
from plugins.letters.models import Letter


def find_long_letters() -> Iterator[DoctorFinding]:
    """Yield the letters that are longer than the setting allows."""
    for letter in Letter.objects.all():
        if len(letter.text) > settings.ACRPORTAL_LETTERS_MOST:
            yield DoctorFinding("letters", f"{letter.uid} is too long", "Shorten it.")


def count_letters() -> Iterator[Metric]:
    """Yield how many letters there are."""
    yield gauge("letters", "Letters about matches", Letter.objects.count())
