"""The initial world of a season: people, desks, recordings and scanned files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.accounts.services import create_user
from catalogue.models import Bucket, BucketType, Recording
from catalogue.services import create_bucket
from dedup.intake import add_recording
from reports.evidence import signing
from review.choices import LicenceScope, PolicyAction
from review.models import Licence, Policy
from review.services import licences, policies
from scanning.choices import EngineChoice
from scanning.drops.services import create_drop
from scanning.models import CloudAccount, Container, Drop, ScannedFile
from scanning.services import cloud
from scanning.services.intake import submit_upload
from tests.registered import SEASON, Table
from tests.season import outside, readers, samples

DROP = "radio"
"""The folder of the drop, below the one that the settings allow."""
PASSWORD = "correct horse battery"
LIMITED_HOOK, LIMITED_MAIL = "/limited/hook", "lena@limited.example"
"""Where a person with limits lets plays and alarms be sent."""
BEGINS = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
"""When seasons begin: in hours and days, clocks change in most zones of the people."""

# Name, role, and whether the person sees only the open desk.
PEOPLE: tuple[tuple[str, Role, bool], ...] = (
    ("vera", Role.VIEWER, False),
    ("ana", Role.REVIEWER, False),
    ("ben", Role.REVIEWER, False),
    ("mira", Role.MANAGER, False),
    ("max", Role.MANAGER, False),
    ("adam", Role.ADMIN, False),
    ("lena", Role.MANAGER, True),
    ("lou", Role.REVIEWER, True),
)


def build() -> None:
    """Fill an empty database through the services that the pages use, a day earlier."""
    with time_machine.travel(BEGINS - timedelta(days=1), tick=True):
        _build()


ADDITIONS: Table[str, Callable[[], None]] = Table({}, SEASON)
"""What plug-ins add to the world once its files are scanned."""
BEGINNINGS: Table[str, Callable[[], None]] = Table({}, SEASON)
"""What plug-ins do at the beginning of each season."""


def _build() -> None:
    people = {
        name: create_user(username=name, password=PASSWORD, role=role, first_name=name)
        for name, role, _limited in PEOPLE
    }
    # Everybody works in another zone.
    for user, zone in zip(people.values(), readers.ZONES, strict=True):
        user.time_zone = zone
        user.save()
    admin = people["adam"]
    signing.create_key()
    open_bucket = create_bucket(name="Open catalogue", user=admin)
    hidden_bucket = create_bucket(name=f"{samples.HIDDEN} catalogue", user=admin)
    dedup_bucket = Bucket.objects.create(name="Delivery check", bucket_type=BucketType.DEDUP_FILE)
    for number in (1, 2, 3):
        _recording(open_bucket, number, "Tune", f"R-{number}", admin)
    for number in (5, 6):
        _recording(hidden_bucket, number, f"{samples.HIDDEN} song", f"H-{number}", admin)
    open_desk = _desk("Open desk", [open_bucket])
    hidden_desk = _desk(f"{samples.HIDDEN} desk", [open_bucket, hidden_bucket])
    mixed_desk = _desk("Mixed desk", [open_bucket, hidden_bucket])
    cloud_desk = _desk("Cloud desk", [open_bucket], engine=EngineChoice.ACRCLOUD)
    account_desk = _desk("Account desk", [open_bucket], engine=EngineChoice.ACRCLOUD)
    _at_the_cloud(account_desk, admin)
    seen_desks = [open_desk, mixed_desk, cloud_desk, account_desk]
    _limit(people, seen_desks, [open_bucket, dedup_bucket])
    call_command("worker", batch=True)
    for number in (0, 1, 2, 3, samples.EDITED, samples.TAPE):
        _programme(open_desk, number, f"Show {number}.wav", admin)
    for number in (4, 5, 6):
        _programme(hidden_desk, number, f"{samples.HIDDEN} show {number}.wav", admin)
    call_command("worker", batch=True)
    _rules(people["mira"], open_bucket, hidden_bucket)
    root = str(Path(settings.ACRPORTAL_DROP_ROOTS[0]) / DROP)
    drop = Drop(name="Open drop", place=root, container=open_desk)
    create_drop(drop=drop, user=people["mira"])
    for add in ADDITIONS.values():
        add()
    # A recording that an earlier file already contains, for late matches.
    _recording(open_bucket, 40, "Late tune", "R-40", admin)
    call_command("worker", batch=True)


def _recording(bucket: Bucket, number: int, title: str, custom_id: str, user: User) -> None:
    names = {1: "one", 2: "two", 3: "three", 5: "five", 6: "six", 40: "forty"}
    add_recording(
        bucket=bucket,
        details=Recording(
            title=f"{title} {names[number]}",
            custom_id=custom_id,
            artists=["A. Example"],
            label=f"{title.split()[0]} label",
        ),
        audio=SimpleUploadedFile(f"tune {number}.wav", samples.tune(number)),
        user=user,
    )


def _desk(
    name: str, buckets: list[Bucket], engine: EngineChoice = EngineChoice.EMBEDDED
) -> Container:
    container = Container.objects.create(name=name, engine=engine)
    container.buckets.set(buckets)
    return container


def _at_the_cloud(container: Container, user: User) -> None:
    """Link a container to an account; ``find_cloud`` sets the account's address."""
    container.cloud_account = cloud.save_account(
        account=CloudAccount(name="Account"), token=outside.CLOUD_TOKEN, user=user
    )
    container.cloud_container_id = outside.CLOUD_CONTAINER
    container.save()


def find_cloud() -> None:
    """Set the account's address to the stand-in for ACRCloud, and empty the stand-ins."""
    outside.posted.clear()
    outside.cloud = outside.Cloud()
    CloudAccount.objects.update(base_url=f"{outside.address}/cloud")


def _limit(people: dict[str, User], containers: list[Container], buckets: list[Bucket]) -> None:
    group = Group.objects.create(name="Open desk only")
    AccessLimit.objects.create(
        group=group,
        containers=[container.pk for container in containers],
        buckets=[bucket.pk for bucket in buckets],
    )
    for name, _role, limited in PEOPLE:
        if limited:
            people[name].groups.add(group)


def _programme(container: Container, number: int, name: str, user: User) -> ScannedFile:
    upload = SimpleUploadedFile(name, samples.programme(number))
    return submit_upload(container=container, upload=upload, user=user).scanned_file


def _rules(user: User, bucket: Bucket, hidden: Bucket) -> None:
    licences.save(
        licence=Licence(holder=f"{samples.HIDDEN} holder", scope=LicenceScope.BUCKET),
        user=user,
        buckets=[bucket, hidden],
    )
    licences.save(
        licence=Licence(holder="Example Broadcaster", scope=LicenceScope.BUCKET),
        user=user,
        buckets=[bucket],
        recordings=[],
    )
    policies.save(
        policy=Policy(
            name="Ask twice", action=PolicyAction.CONFIRM, conditions={}, second_approval=True
        ),
        user=user,
    )
    policies.save(
        policy=Policy(
            name=f"{samples.HIDDEN} rule",
            action=PolicyAction.REVIEW,
            conditions={"sets": {"buckets": [str(bucket.pk), str(hidden.pk)]}},
        ),
        user=user,
    )
