"""Signing asks for the password again."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from plugins.notices.models import NoticeState
from plugins.notices.notice_text import ACCURACY, GOOD_FAITH
from plugins.notices.tests.factories import make_claim, make_submitted
from tests.factories.accounts import make_user
from tests.portal.test_confirming import confirmed

pytestmark = pytest.mark.django_db

SIGNED = {"good_faith": GOOD_FAITH, "accuracy": ACCURACY, "signature": "A. Muster"}


def test_a_notice_is_signed_by_whoever_gives_the_password_again() -> None:
    """``test_pages`` signs with a token, which is not asked."""
    reviewer = make_user(Role.REVIEWER)
    notice = make_submitted([make_claim(reviewer)], reviewer)
    client = Client()
    client.force_login(make_user(Role.MANAGER))
    address = reverse("portal:notice_sign", args=[notice.uid])

    refused = client.post(
        f"/api/portal/v1/notices/{notice.uid}/sign/",
        {"version": notice.version, **SIGNED},
        content_type="application/json",
    )
    read = client.get(address)
    document = read.context["form"]["document"].initial
    typed = {"version": str(notice.version), "document": document, **SIGNED}
    answer = client.post(address, typed)
    notice.refresh_from_db()
    before = notice.state
    confirmed(client, answer)

    assert refused.status_code == 403
    assert refused.json()["code"] == "confirm_first"
    notice.refresh_from_db()
    assert read.status_code == 200
    assert before == NoticeState.REVIEW
    assert notice.state == NoticeState.SIGNED
