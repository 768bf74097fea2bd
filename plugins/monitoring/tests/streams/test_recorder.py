"""Recorders: real processes, a real server, and the machine of one of them dies."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from plugins.monitoring.benchmarks.radio import Radio, encoded
from plugins.monitoring.streams.recording.clocks import Clock
from tests.fixtures import CopyDatabase

# Real processes listen in real time, and one is killed. How a job goes to another process
# when its lease ends: tests/jobs; what a recorder records: recording/.
pytestmark = pytest.mark.soak

DEMO = Path(django_settings.BASE_DIR) / "demo"
SET_UP = """
from pathlib import Path
from django.core.files.base import ContentFile
from django.core.management import call_command
from base.accounts.models import User
from catalogue.services import add_recording, create_bucket
from catalogue.models import Recording
from scanning.models import Container
from plugins.monitoring.streams import services
user = User.objects.create(username="radio", is_superuser=True)
bucket = create_bucket(name="Music", user=user)
song = Path("demo/armygeddon.opus")
add_recording(
    bucket=bucket, details=Recording(title="Armygeddon"), user=user,
    audio=ContentFile(song.read_bytes(), name=song.name),
)
container = Container.objects.create(name="Radio")
container.buckets.add(bucket)
station = services.add_station(name="Radio One", user=user)
stream = services.add_stream(
    station=station, container=container, name="Live", urls=["ADDRESS"], user=user
)
call_command("worker", batch=True)
"""


def test_streams_move_to_another_recorder_when_one_dies(
    tmp_path: Path, copy_database: CopyDatabase
) -> None:
    records = copy_database(tmp_path)
    environment = os.environ | {
        "ACRPORTAL_DATA_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{records}",
        "SECRET_KEY": "only for this test, and long enough",
        "ACRPORTAL_ALLOW_PRIVATE_ADDRESSES": "1",
    }

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.Popen(command, env=environment, cwd=django_settings.BASE_DIR)

    def read(query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(records, timeout=20)) as database:
            return database.execute(query).fetchall()

    def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def runs() -> list[tuple[object, ...]]:
        return read("SELECT duration_ms, ends_at FROM streams_streamrun ORDER BY starts_at")

    music = tmp_path / "music"
    music.mkdir()
    shutil.copy(DEMO / "armygeddon.opus", music)
    played = encoded(music, 240, "libmp3lame", ".mp3")
    with Radio(played, Clock()) as radio:
        script = SET_UP.replace("ADDRESS", f"{radio.address}/live")
        assert start("shell", "-v", "0", "-c", script).wait() == 0
        recorders = [start("stream_recorder"), start("stream_recorder")]
        try:
            wait_for(lambda: any(int(str(run[0])) > 0 for run in runs()))
            ((owner,),) = read("SELECT lease_owner FROM jobs_job WHERE kind = 'stream'")
            victim = next(
                process for process in recorders if str(owner).endswith(f":{process.pid}")
            )
            other_process = next(process for process in recorders if process is not victim)
            wait_for(lambda: bool(read("SELECT 1 FROM streams_airplay")))
            victim.send_signal(signal.SIGKILL)
            wait_for(lambda: len(runs()) > 1 and int(str(runs()[-1][0])) > 0, seconds=60)
            # As a terminal, a process group and a parent do together.
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
                other_process.send_signal(number)
            assert other_process.wait(timeout=40) == 0
        finally:
            for process in recorders:
                if process.poll() is None:
                    process.kill()
                    process.wait()

    first, last = runs()[0], runs()[-1]
    assert first[1] is not None
    assert last[1] is not None
    ((state, owner),) = read("SELECT state, lease_owner FROM jobs_job WHERE kind = 'stream'")
    assert (state, owner) == ("waiting", "")
    # What nobody heard lies between the runs, and is listed.
    ((heard,),) = read(
        "SELECT SUM(julianday(ends_at) - julianday(starts_at)) FROM streams_streamrun"
    )
    ((lost,),) = read(
        "SELECT COALESCE(SUM(julianday(ends_at) - julianday(starts_at)), 0)"
        " FROM streams_streamgap WHERE cause != 'gap_silent'"
    )
    ((whole,),) = read(
        "SELECT MAX(julianday(ends_at)) - MIN(julianday(starts_at)) FROM streams_streamrun"
    )
    assert abs(float(str(heard)) + float(str(lost)) - float(str(whole))) * 86_400 < 0.5
    titles = read(
        "SELECT DISTINCT r.title FROM streams_airplay a"
        " JOIN catalogue_recording r ON r.id = a.recording_id"
    )
    assert titles == [("Armygeddon",)]
