"""Undeclared fields of a body change nothing, and addresses in them are never opened."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db.models import DateTimeField, Field, Model
from django.test import Client

from base.accounts.models import ApiToken, User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from catalogue.models import Bucket, Recording
from review.models import Match, SavedView
from scanning.models import Container, Project
from tests.factories.accounts import confirm, make_user
from tests.security.test_admin import undone
from tests.security.world import Desk

pytestmark = pytest.mark.django_db

Body = dict[str, Any]  # Any: of a form or JSON

# Columns that only services write, whatever a body contains.
OURS = {
    *("id", "pk", "uid", "acr_id", "owner", "created_by", "made_by", "added_by"),
    *("decided_by", "decided_by_name", "state", "status", "version", "position"),
    *("callback_secret_sealed", "signing_secret_sealed", "access_secret_sealed"),
    *("access_key", "digest"),
    *("hint", "created_at", "updated_at", "decided_at", "revoked_at", "last_used_at"),
    *("approved", "active", "built_in", "audio_sha256", "fingerprint", "failures"),
}
INJECTED = "INJECTED"
NUMBER = 987_654_321


@dataclass(frozen=True, slots=True)
class Write:
    """A permitted write, and the row that it changes."""

    method: str
    path: Callable[[Desk], str]
    body: Callable[[Desk], Body]
    model: type[Model]
    role: Role = Role.MANAGER


WRITES = [
    Write(
        "POST",
        lambda _: "/api/buckets",
        lambda _: {"name": "New", "type": "File", "region": "eu-west-1"},
        Bucket,
    ),
    Write(
        "PUT",
        lambda desk: f"/api/buckets/{desk.bucket.pk}",
        lambda _: {"labels": ["Music"]},
        Bucket,
    ),
    Write(
        "PUT",
        lambda desk: f"/api/buckets/{desk.bucket.pk}/files/{desk.recording.pk}",
        lambda _: {"title": "New"},
        Recording,
    ),
    Write(
        "POST",
        lambda _: "/api/fs-containers",
        lambda desk: {
            "name": "New",
            "region": "eu-west-1",
            "buckets": [desk.bucket.pk],
            "engine": 1,
        },
        Container,
        Role.ADMIN,
    ),
    Write(
        "POST",
        lambda _: "/catalogue/buckets/new/",
        lambda _: {"name": "New", "intake_rule": "ask"},
        Bucket,
    ),
    Write(
        "POST",
        lambda _: "/tokens/",
        lambda _: {"name": "New", "scopes": ["read"]},
        ApiToken,
        Role.REVIEWER,
    ),
    Write(
        "POST",
        lambda _: "/tokens/keys/new/",
        lambda desk: {"name": "New", "buckets": [desk.bucket.pk]},
        Project,
        Role.ADMIN,
    ),
    Write(
        "POST",
        lambda _: "/queue/views/?reason=short",
        lambda _: {"name": "New"},
        SavedView,
        Role.REVIEWER,
    ),
    Write(
        "POST",
        lambda desk: f"/m/{desk.match.uid}/decide",
        lambda desk: {"verb": "confirm", "version": desk.match.version},
        Match,
        Role.REVIEWER,
    ),
]


def test_extra_fields_change_nothing() -> None:
    desk, victim = Desk(1), make_user(Role.ADMIN)
    people = {role: make_user(role) for role in {write.role for write in WRITES}}
    for write in WRITES:
        body = write.body(desk)
        extra = _hostile(write.model, victim, but=set(body))

        with undone():
            answer = _send(write, desk, people[write.role], extra | body)
            row = write.model._base_manager.latest("pk")

        message = f"{write.method} {write.model.__name__}"
        assert answer.status_code in (200, 201, 302), (message, answer.content[:500])
        for name, value in extra.items():
            if name in OURS and hasattr(row, name):
                written = getattr(row, name)
                assert written not in (value, victim), f"{message} takes {name}"


def _hostile(model: type[Model], victim: User, *, but: set[str]) -> Body:
    """Return a value for every column that the body does not declare."""
    columns = {"pk": NUMBER, "user": victim.pk, "actor": victim.pk, "role": "admin"}
    for field in model._meta.concrete_fields:
        columns[field.name] = columns[field.attname] = _value(field, victim)
    return {
        name: value
        for name, value in columns.items()
        if name not in but and name.removesuffix("_id") in {*OURS, "user", "actor"}
    }


def _value(field: Field[Any, Any], victim: User) -> object:  # Any: values of every type
    if field.related_model is User:
        return victim.pk
    if isinstance(field, DateTimeField):
        return "2001-01-01T00:00:00Z"
    is_number = "Integer" in field.get_internal_type() or field.primary_key
    return NUMBER if is_number else INJECTED


def _send(write: Write, desk: Desk, person: User, body: Body) -> Any:  # Any: a response
    client, path = Client(), write.path(desk)
    if path.startswith("/api/"):
        secret = create_token(owner=person, name="a", scopes=["all"]).secret
        return client.generic(
            write.method,
            path,
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )
    client.force_login(person)
    confirm(client)
    return client.post(path, body)


ELSEWHERE = ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:a"]


def test_nobody_is_led_elsewhere() -> None:
    desk = Desk(1)
    group = desk.duplicate_group()
    posts = [
        f"/m/{desk.match.uid}/decide",
        f"/m/{desk.match.uid}/release",
        f"/duplicates/g/{group.uid}/act/",
        "/duplicates/check/",
        "/queue/views/",
    ]
    for target in ELSEWHERE:
        client = Client()
        client.force_login(desk.user)
        named = {"next": target, "back": target, "url": target, "return": target}
        decides = {**named, "verb": "confirm", "version": 1}

        with undone():
            answers = [client.post(f"{path}?next={target}", decides) for path in posts]
            answers += [
                client.get("/accounts/login/", named),
                client.post("/accounts/reauthenticate/", {**named, "password": "secret"}),
                client.post("/accounts/logout/", named),
            ]

        for answer in answers:
            assert "evil.example" not in answer.get("Location", "")
            assert "javascript:" not in answer.get("Location", "")
            assert answer.get("HX-Redirect", "") == ""
