"""Why a trial was refused."""

from __future__ import annotations


class TrialRefused(Exception):
    """A trial cannot begin, be judged or end as asked; the message says why."""
