"""The check of an import says what people stated about what it changes."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.models import Recording
from catalogue.owners.models import Conflict
from imports import services as imports
from plugins.rights.importing.kind import RIGHTS
from plugins.rights.tests.importing.test_imports import SHARES
from reports.cue_sheets import listed_cues
from reports.cue_statement import issue_version
from review.choices import MatchState
from statements.choices import StatementState
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from tests.portal.test_standing import work_off

pytestmark = pytest.mark.django_db


def test_the_check_of_rights_foresees_conflicts_and_what_stands_on_recordings(
    signed_in: MakeClient,
) -> None:
    match = make_match(match={"state": MatchState.CONFIRMED})
    issue_version(
        sheet=listed_cues(match.scanned_file),
        user=make_user(Role.MANAGER),
        state=StatementState.APPROVED,
    )
    Recording.objects.filter(pk=match.recording_id).update(
        isrc="QZAA02600001", isrc_normalised="QZAA02600001"
    )
    too_much = SHARES.replace(",50,2136|-US,,", ",80,WW,,")
    import_ = imports.keep_upload(
        RIGHTS,
        file=SimpleUploadedFile("rights.csv", too_much.encode()),
        sender="",
        encoding="utf-8",
        user=make_user(Role.MANAGER),
    )
    work_off()

    import_.refresh_from_db()
    page = signed_in(Role.MANAGER).get(reverse("portal:rights_import_detail", args=[import_.uid]))

    assert import_.summary["conflicts"] == 2
    assert import_.summary["stated"].keys() == {"cue_sheet"}
    assert "2 conflicts of rights would open." in page.content.decode()
    assert not Conflict.objects.exists()
    imports.start(import_=import_, user=make_user(Role.MANAGER))
    work_off()
    assert Conflict.objects.count() == 2
