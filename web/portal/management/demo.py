"""Sets up the demo's users, catalogue, container and programmes.

Each step first checks whether it is done, so an interrupted run can be repeated.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.core.files import File

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.services import create_user
from catalogue.models import Bucket, Recording
from catalogue.services import create_bucket
from dedup.intake import add_recording
from scanning.models import Container, ScannedFile
from scanning.services.intake import submit_upload

DEMO_DIR = settings.BASE_DIR / "demo"
_BUCKET = "Demo catalogue"
_CONTAINER = "Demo programmes"
ROLES = "ACRPORTAL_SECOND_FACTOR_ROLES"
_USERS = (
    (Role.VIEWER, "vera", "Vera"),
    (Role.REVIEWER, "ana", "Ana"),
    (Role.MANAGER, "mira", "Mira"),
    (Role.ADMIN, "admin", "Adam"),
)


@dataclass(frozen=True, slots=True)
class Login:
    """A demo user and the password generated for this installation."""

    username: str
    password: str
    role: str


def stored_settings() -> Path:
    """Return the file of settings that processes of this installation read."""
    path: Path = settings.ACRPORTAL_DATA_DIR / "settings.env"
    return path


def ask_for_passwords_only() -> bool:
    """Store that no role needs a second factor; return whether that is so.

    What the operator set goes first, and an installation with other people keeps what
    it has.
    """
    if ROLES in os.environ:
        return not os.environ[ROLES]
    names = [username for _role, username, _first_name in _USERS]
    if User.objects.exclude(username__in=names).exists():
        return False
    with stored_settings().open("a", encoding="utf-8") as file:
        file.write(f"{ROLES}=\n")
    os.environ[ROLES] = ""
    return True


def ensure_users() -> list[Login]:
    """Create one user per role; store the random passwords in the data directory."""
    path = settings.ACRPORTAL_DATA_DIR / "demo" / "logins.json"
    logins: list[Login] = []
    if path.exists():
        rows = json.loads(path.read_text(encoding="utf-8"))
        logins = [Login(**row) for row in rows]
    stored_usernames = {login.username for login in logins}
    for role, username, first_name in _USERS:
        if User.objects.filter(username=username).exists():
            continue
        password = secrets.token_urlsafe(9)
        create_user(username=username, password=password, role=role, first_name=first_name)
        logins = [login for login in logins if login.username != username]
        logins.append(Login(username, password, role))
    if {login.username for login in logins} != stored_usernames or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump([asdict(login) for login in logins], file, indent=2)
    return logins


def ensure_catalogue(user: User) -> Bucket:
    """Add missing demo recordings; a worker must fingerprint them."""
    bucket = Bucket.objects.present().filter(name=_BUCKET).first()
    if bucket is None:
        bucket = create_bucket(name=_BUCKET, user=user)
    existing_ids = set(bucket.recordings.values_list("custom_id", flat=True))
    with (DEMO_DIR / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["custom_id"] in existing_ids:
            continue
        path = DEMO_DIR / row["file"]
        with path.open("rb") as handle:
            add_recording(
                bucket=bucket,
                details=Recording(
                    title=row["title"],
                    custom_id=row["custom_id"],
                    artists=[row["artists"]],
                    album=row["album"],
                    label=row["label"],
                    release_date=row["release_date"],
                    isrc=row["isrc"],
                ),
                audio=File(handle, name=path.name),
                user=user,
            )
    return bucket


def ensure_container(bucket: Bucket, user: User) -> Container:
    """Return the container that searches the demo bucket; create it if missing."""
    container, made = Container.objects.present().get_or_create(
        name=_CONTAINER, defaults={"created_by": user}
    )
    if made:
        container.buckets.add(bucket)
    return container


def ensure_programmes(container: Container, user: User) -> list[ScannedFile]:
    """Submit missing demo programmes; return all of them."""
    submitted = []
    for path in sorted((DEMO_DIR / "programmes").glob("*.opus")):
        with path.open("rb") as handle:
            taken = submit_upload(
                container=container, upload=File(handle, name=path.name), user=user
            )
        submitted.append(taken.scanned_file)
    return submitted
