"""Two processes submit the same links at the same moment: each link is stored once."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from tests.conftest import CopyDatabase
from tests.processes import begin, go_at_once, postgres_url

LINKS = 12
_SETUP = "import sys, django; django.setup()\n"
_MAKE = """
from scanning.models import Container
print(Container.objects.create(name="Programmes").pk)
"""
_SUBMIT = """
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
_COUNT = """
from scanning.models import ScannedFile
print(ScannedFile.objects.count())
"""


def _begin(script: str, env: dict[str, str], *told: object) -> subprocess.Popen[str]:
    return begin(_SETUP + script, env, *told)


@pytest.mark.django_db(transaction=True)
def test_one_takes_a_link_and_the_other_is_told(
    tmp_path: Path, copy_database: CopyDatabase
) -> None:
    url = f"sqlite:///{copy_database(tmp_path)}"
    if connection.vendor == "postgresql":
        url = postgres_url()
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "DATABASE_URL": url,
        "ACRPORTAL_DATA_DIR": str(tmp_path),
        "SECRET_KEY": "only for this test, and long enough",
    }
    container = _begin(_MAKE, env).communicate(timeout=60)[0].split()[-1]

    both = [_begin(_SUBMIT, env, container, LINKS) for _ in range(2)]
    go_at_once(both)
    told = Counter(
        line for one in both for line in one.communicate(timeout=120)[0].splitlines()
    )

    expected = {f"{number} taken" for number in range(LINKS)}
    expected |= {f"{number} link_seen" for number in range(LINKS)}
    assert told == dict.fromkeys(expected, 1)
    assert _begin(_COUNT, env).communicate(timeout=60)[0].split()[-1] == str(LINKS)
