"""Rows of this capability for the browser's tests."""

from __future__ import annotations

from django.core.files.base import ContentFile
from django.urls import reverse

from base.accounts.models import User
from catalogue.owners.models import Party, Work
from imports.models import ImportStatus
from plugins.rights.actions import parts, records
from plugins.rights.importing.importer import run as run_rights_import
from plugins.rights.models import RightsImport
from plugins.rights.tests import factories as rights
from plugins.rights.tests.importing.making import NAME, cwr
from review.choices import MatchState
from review.models import Match
from tests.e2e.fill.every import MORE


def add_rights(user: User) -> list[str]:
    """Let two sources disagree about a recording's rights; return an import's page."""
    waiting = Match.objects.filter(state=MatchState.PENDING).order_by("pk")[0]
    rights.claim_all()
    rights.claim(
        sender="Another Publisher",
        works=[
            rights.work(
                iswc="",
                submitter_id="",
                recordings=(),
                shares=(
                    rights.share("W1", "60", included=("2130",), excluded=("DE",)),
                    rights.share("P1", "60"),
                ),
            )
        ],
        recordings=[rights.recording(duration_ms=201_000)],
    )
    party = Party.objects.get(ipi_name=rights.PUBLISHER.ipi_name)
    values = {"is_ours": True}
    records.edit(record=party, user=user, revision=party.revision, values=values)
    work = Work.objects.get(iswc=rights.ISWC)
    parts.link_recording(record=work, recording=waiting.recording, user=user)
    # One title is missing, so that the page has something to correct.
    content = b"".join(cwr(3)).replace(b"SONG NUMBER 2", b" " * 13)
    import_ = RightsImport.objects.create(
        file=ContentFile(content, name=NAME),
        file_name=NAME,
        status=ImportStatus.CHECKED,
        made_by=user,
    )
    for name, value in run_rights_import(import_, lambda: None, dry=True).items():
        setattr(import_, name, value)
    import_.save()
    return [reverse("portal:rights_import_detail", args=[import_.uid])]


MORE.register({"rights": add_rights})
