"""Addresses of matches in the admin, and helpers to read its responses."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from review.models import Match

LIST = reverse("admin:review_match_changelist")
SignIn = Callable[[Role], Client]


def user(role: Role) -> User:
    return User.objects.get(username=f"the-{role}")


def page(match: Match) -> str:
    return reverse("admin:review_match_change", args=[match.pk])


def decide(match: Match, verb: str) -> str:
    return reverse("admin:review_match_decide", args=[match.pk, verb])


def text(response: Any) -> str:  # Any: the test client's own class
    return str(response.content, "utf-8")


def streamed(response: Any) -> list[dict[str, str]]:  # Any: as above
    content = b"".join(response.streaming_content)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
