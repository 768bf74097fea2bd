"""Uses the season's portal without monitoring; a process of its own.

Arguments: the time, and who decides there. Fails with what is wrong.
"""

from __future__ import annotations

import logging
import sys
from datetime import datetime

import django
import time_machine


def use(name: str) -> None:
    """Work, open every page as an admin and as a person with limits, and decide."""
    from django.core.management import call_command
    from django.test import Client
    from django.urls import get_resolver

    from base.accounts.models import User
    from plugins.monitoring.tests.walk_without import list_views, open_pages
    from review.choices import DECIDED_STATES
    from review.models import Match
    from tests.season import samples
    from tests.season.workers import work

    call_command("migrate", check_unapplied=True)
    work()
    views = dict(list_views(get_resolver()))
    matches = Match._base_manager.select_related("scanned_file", "recording")
    newest = matches.order_by("-pk").first()
    for reader in ("adam", "lena"):
        client = Client()
        client.force_login(User.objects.get(username=reader))
        for address, status, text in open_pages(client, views, newest):
            assert status < 500, f"{address} as {reader}: {status}"
            at = text.find(samples.HIDDEN)
            assert reader == "adam" or at < 0, f"{address}: …{text[max(0, at - 200) : at + 50]}…"
    undecided = matches.exclude(state__in=DECIDED_STATES).first()
    if undecided is not None:
        client.force_login(User.objects.get(username=name))
        fields = {"verb": "confirm", "version": undecided.version, "note": "Seen."}
        answer = client.post(f"/m/{undecided.uid}/decide", fields)
        assert answer.status_code < 500, answer.content


if __name__ == "__main__":
    django.setup()
    # As in the season, refusals are no news.
    logging.disable(logging.CRITICAL)
    from tests.clocks import follow_this_machine

    follow_this_machine()
    with time_machine.travel(datetime.fromisoformat(sys.argv[1]), tick=True):
        use(sys.argv[2])
