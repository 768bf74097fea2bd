"""Addresses of matches in the admin, and helpers to read its responses."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from review.models import Match

LIST = reverse("admin:review_match_changelist")
SignIn = Callable[[Role], Client]


def user(role: Role) -> User:
    """Return the user that ``sign_in`` made."""
    return User.objects.get(username=f"the-{role}")


def page(match: Match) -> str:
    """Return the address of the match's page."""
    return reverse("admin:review_match_change", args=[match.pk])


def decide(match: Match, verb: str) -> str:
    """Return the address that accepts a decision."""
    return reverse("admin:review_match_decide", args=[match.pk, verb])


def text(response: Any) -> str:  # Any: the test client's own class
    """Return the response body as text."""
    return str(response.content, "utf-8")


def streamed(response: Any) -> list[dict[str, str]]:  # Any: as above
    """Return the rows of a streamed report."""
    content = b"".join(response.streaming_content)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
