"""Two processes submit the same links at the same moment: each link is stored once."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.factories.scanning import ContainerFactory
from tests.processes import begin, go_at_once, shared_url

LINKS = 12
_SUBMIT = """
import sys, django
django.setup()
from scanning.errors import IntakeRefused
from scanning.models import Container
from scanning.services.intake import submit_link
container = Container.objects.get(pk=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    url = f"https://media.example/{number}.mp3"
    try:
        submit_link(container=container, url=url, user=None, scan_again=False)
        print(number, "taken")
    except IntakeRefused as refused:
        print(number, refused.code)
"""


@pytest.mark.django_db(transaction=True)
def test_one_takes_a_link_and_the_other_is_told(tmp_path: Path) -> None:
    container = ContainerFactory.create()
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "DATABASE_URL": shared_url(tmp_path),
        "ACRPORTAL_DATA_DIR": str(tmp_path),
        "SECRET_KEY": "only for this test, and long enough",
    }

    both = [begin(_SUBMIT, env, container.pk, LINKS) for _ in range(2)]
    go_at_once(both)
    counts = Counter(
        line for process in both for line in process.communicate(timeout=120)[0].splitlines()
    )

    expected = {f"{number} taken" for number in range(LINKS)}
    expected |= {f"{number} link_seen" for number in range(LINKS)}
    assert counts == dict.fromkeys(expected, 1)
