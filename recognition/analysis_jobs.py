"""The job that ``acrfp`` runs on media files; see ``isolation``.

The host of a command loads what it needs for this one alone, because many commands read a
single file.
"""

from __future__ import annotations

from typing import Final

from recognition.isolation.child import Job
from recognition.jobs import analyse, warm_analysis

JOBS: Final[dict[str, Job]] = {"analyse": analyse}
warm = warm_analysis
