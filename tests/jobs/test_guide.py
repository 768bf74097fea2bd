"""The example of docs/development.md, run as it is written there."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings

from base.jobs import services
from base.jobs.choices import JobState, Pool
from base.jobs.kinds import unregister
from base.jobs.models import Job
from base.jobs.runner import run_next
from tests.factories.catalogue import RecordingFactory


@pytest.mark.django_db
def test_the_kind_of_job_in_the_guide_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (Path(settings.BASE_DIR) / "docs" / "development.md").read_text()
    section = guide.partition("## Add a kind of job")[2].partition("\n## ")[0]
    registration, work = (
        textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    )
    module = ModuleType("catalogue.counting")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(work, vars(module))  # noqa: S102 - our own guide
    names: dict[str, object] = {}
    exec(registration, names)  # noqa: S102 - as above
    kind = names["COUNT"]
    recording = RecordingFactory.create()
    try:
        services.submit(kind, recording.bucket)  # type: ignore[arg-type]
        run_next(Pool.WORK)
    finally:
        unregister(kind)  # type: ignore[arg-type]

    recording.bucket.refresh_from_db()
    assert Job.objects.get().state == JobState.DONE
    assert recording.bucket.labels == ["1 recordings"]
