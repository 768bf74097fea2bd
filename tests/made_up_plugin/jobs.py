"""The job that prints a letter."""

from __future__ import annotations

from base.jobs.kinds import Kind, register
from plugins.letters.models import Letter

PRINT_LETTER = register(
    Kind(
        "print_letter",
        Letter,
        "plugins.letters.printing.run",
        label="Printing of a letter",
        page=lambda letter: letter.url,
    )
)
