"""Rows of a desk for the tests of access."""

from __future__ import annotations

from base.accounts.models import User
from catalogue.models import Recording
from catalogue.owners.choices import Right
from catalogue.owners.models import Party, RightsRecording, Share, Work
from imports.models import ImportStatus
from plugins.rights.actions import parts
from plugins.rights.models import RightsImport
from tests.security.world import Desk


def rights_import(desk: Desk) -> RightsImport:
    return desk.row(
        RightsImport, file_name="works.V21", status=ImportStatus.REFUSED, made_by=desk.user
    )


def share_of(recording: Recording, _user: User) -> Share:
    """Return a share in a work of which the recording is one."""
    work = Work.objects.create(title=f"Work of {recording}")
    work.recordings.add(RightsRecording.objects.create(recording=recording, title=recording.title))
    party = Party.objects.create(name="Example Music")
    return Share.objects.create(work=work, party=party, right=Right.PERFORMING)


def withdraw_share(share: Share, user: User) -> None:
    parts.remove_share(share=share, user=user)
