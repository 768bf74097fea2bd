"""A wire protocol client that runs inside the test process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from tests.factories.accounts import make_user

# Any in this module: JSON, and whatever Django's client takes.


class Api:
    """Calls the API with a token; JSON responses have their body in ``.data``."""

    def __init__(self, secret: str, owner: User) -> None:
        self.secret = secret
        self.owner = owner
        self._client = Client()

    def call(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        """Make one call; a body that is not a form is sent as JSON."""
        headers = {"Authorization": f"Bearer {self.secret}"} | extra.pop("headers", {})
        if not self.secret:
            headers.pop("Authorization")
        if body is not None and "content_type" not in extra:
            extra["content_type"] = "application/json"
            body = json.dumps(body)
        return self._client.generic(
            method, path, body if body is not None else "", headers=headers, **extra
        )

    def get(self, path: str, **extra: Any) -> Any:
        return self.call("GET", path, **extra)

    def upload(self, path: str, fields: dict[str, Any], **extra: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"} | extra.pop("headers", {})
        return self._client.post(path, fields, headers=headers, **extra)


MakeApi = Callable[..., Api]


@pytest.fixture
def make_api(db: None) -> MakeApi:
    """Return a function that makes a client for a role and scopes."""

    def make(role: Role = Role.ADMIN, *scopes: str) -> Api:
        owner = make_user(role)
        made = create_token(owner=owner, name="test", scopes=scopes or ["all"])
        return Api(made.secret, owner)

    return make


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    return make_api()
