"""Deciding a match through the form of its page."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from review.models import Match

JSON = {"Accept": "application/json"}


def page_of(match: Match, query: str = "") -> str:
    return reverse("portal:match", args=[match.uid]) + query


def decide(
    client: Client, match: Match, verb: str, **fields: object
) -> Any:  # Any: the test client's response, whose class is private to the stubs
    """Send a decision on the match's current version."""
    match.refresh_from_db()
    data = {"verb": verb, "version": match.version, **fields}
    return client.post(reverse("portal:match_decide", args=[match.uid]), data)
