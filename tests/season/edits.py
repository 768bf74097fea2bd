"""How containers search edited music, and what must hold after a scan.

A container that searches *normally* finds no music that is edited more than that. What it
found while it searched *widely* counts as lost after the next scan.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from django.db.models import Max, Q
from django.forms import model_to_dict

from review.models import Match
from scanning.choices import EditedMusic, EngineChoice, ScanStatus
from scanning.models import Container, Scan, ScannedFile
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person
from web.portal.containers.views import ContainerForm

# The search ends at ±10 % and 2 semitones, and measures more exactly what it finds there.
_BEYOND = (
    Q(speed_pct__lt=-13) | Q(speed_pct__gt=13) | Q(pitch_cents__lt=-250) | Q(pitch_cents__gt=250)
)


def search_otherwise(person: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Change how far a container searches, and scan music there that is edited a lot."""
    embedded = Container.objects.present().filter(engine=EngineChoice.EMBEDDED)
    container = rng.choice(list(embedded.order_by("pk")))
    work()  # with the earlier settings
    last = Scan.objects.aggregate(last=Max("pk"))["last"] or 0
    person.fill_in(
        f"/containers/{container.pk}/",
        **_settings(container) | {"edited_music": rng.choice(EditedMusic.values)},
    )
    upload = samples.much_faster()
    files = ScannedFile.objects.present().filter(container=container, name=upload.name)
    file = files.order_by("pk").first()
    if file is None:
        person.fill_in("/upload/", files=[upload], container=container.pk)
    else:
        person.fill_in(f"/files/{file.uid}/rescan/")
    work()
    container.refresh_from_db()
    if container.edited_music == EditedMusic.NORMALLY:
        _check_matches(container, last)


def _settings(container: Container) -> dict[str, object]:
    """Return what the container's form shows."""
    fields = model_to_dict(container, ContainerForm.Meta.fields)
    fields["buckets"] = [bucket.pk for bucket in fields["buckets"]]
    return {
        name: value for name, value in fields.items() if value is not None and value is not False
    }


def _check_matches(container: Container, last: int) -> None:
    """Check the matches of files that were scanned since the last scan known."""
    scans = Scan.objects.full().filter(pk__gt=last, status=ScanStatus.SUCCEEDED)
    matches = Match._base_manager.filter(
        _BEYOND,
        scanned_file__container=container,
        scanned_file__scans__in=scans,
        recording__bucket__in=container.buckets.all(),
        lost=False,
    )
    check(not matches.exists(), f"{container} searches normally, but found {list(matches)}")
