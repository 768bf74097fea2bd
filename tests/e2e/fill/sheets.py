"""Rows of cue sheets."""

from __future__ import annotations

from base.accounts.models import User
from reports.cue_sheets import listed_cues
from reports.cue_statement import attach_files, issue_version, store_files
from scanning.models import ScannedFile
from statements.choices import StatementState


def add_approved_sheet(file: ScannedFile, user: User) -> str:
    """Approve the cue sheet of a file; return the page of the version."""
    sheet = listed_cues(file)
    version = issue_version(sheet=sheet, user=user, state=StatementState.APPROVED)
    attach_files(version, sheet, store_files(sheet, "", []))
    return version.page_url
