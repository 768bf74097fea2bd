"""What asks for the password again: accounts, signatures, and where things are sent to."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import Role
from reports.layouts import Layout
from reports.models import ReportSchedule
from reports.services import save_template
from scanning.models import Container
from tests.factories.accounts import confirm, make_user
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.reports.schedules import schedule

pytestmark = pytest.mark.django_db

PASSWORD = "nine otters bake quietly"


def is_asked(answer: Any) -> bool:  # Any: the test client's answer
    """Tell whether the answer leads to the page that asks for the password."""
    where = str(answer.headers.get("Location", ""))
    return where.startswith("/accounts/reauthenticate/")


def confirmed(client: Client, question: Any) -> Any:  # Any: as above
    """Give the password on the page that asks; return what follows."""
    assert is_asked(question)
    return client.post(question.headers["Location"], {"password": "secret"}, follow=True)


def new_user() -> dict[str, str]:
    """Return the admin's form of a new reviewer."""
    role = str(Group.objects.get(name="reviewer").pk)
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    return {"username": "new", "usable_password": "true", "groups": role} | passwords


def test_accounts_ask_before_a_form_opens_or_a_list_acts(signed_in: MakeClient) -> None:
    person = make_user(Role.VIEWER).pk
    client = signed_in(Role.ADMIN)
    users, chosen = "/admin/accounts/user/", {"action": "sign_out"}
    pages = [
        *(f"{users}{page}" for page in ("add/", f"{person}/change/")),
        *(f"{users}{person}/password/", "/admin/auth/group/add/"),
    ]

    assert client.get(users).status_code == 200
    assert is_asked(client.post(users, chosen | {"_selected_action": str(person)}))
    for page in pages:
        answer = client.get(page)
        assert is_asked(answer), page
    confirmed(client, answer)
    for page in pages:
        assert client.get(page).status_code == 200, page


def test_a_form_that_waits_is_kept_encrypted_and_then_saved(signed_in: MakeClient) -> None:
    client = signed_in(Role.ADMIN)

    answer = client.post("/admin/accounts/user/add/", new_user())
    sessions = [str(row.session_data) for row in Session.objects.all()]
    confirmed(client, answer)

    assert not any(PASSWORD in session or "bake" in session for session in sessions)
    assert User.objects.get(username="new").check_password(PASSWORD)


def test_a_form_that_waits_goes_to_its_own_page_with_its_query(signed_in: MakeClient) -> None:
    """A wrong password keeps it, and what is refused then can be corrected and sent again."""
    client = signed_in(Role.ADMIN)
    address = "/admin/accounts/user/add/?_popup=1"

    answer = client.post(address, new_user() | {"password2": "another one"})
    wrong = client.post(answer.headers["Location"], {"password": "wrong"})
    refused = confirmed(client, answer)

    assert wrong.context["form"].errors
    assert refused.redirect_chain == [(address, 307)]
    assert refused.context["adminform"].form["username"].value() == "new"
    # Only the repeated form is exchanged, and once.
    client.post(address, new_user())
    assert User.objects.filter(username="new").exists()


def test_a_form_that_was_left_is_not_sent_with_another_page(signed_in: MakeClient) -> None:
    client = signed_in(Role.ADMIN)

    client.post("/admin/accounts/user/add/", new_user())
    opened = confirmed(client, client.get("/admin/auth/group/add/"))

    assert opened.redirect_chain == [("/admin/auth/group/add/", 302)]
    assert not User.objects.filter(username="new").exists()


def test_it_is_asked_again_after_the_minutes_of_the_setting(signed_in: MakeClient) -> None:
    client = signed_in(Role.ADMIN)
    with time_machine.travel("2026-05-04 08:00Z", tick=False):
        confirm(client)
    with time_machine.travel("2026-05-04 08:04Z", tick=False):
        within = client.get("/admin/accounts/user/add/")
    with time_machine.travel("2026-05-04 08:06Z", tick=False):
        after = client.get("/admin/accounts/user/add/")

    assert within.status_code == 200
    assert is_asked(after)


def test_where_results_of_a_container_are_posted(signed_in: MakeClient) -> None:
    container, bucket = ContainerFactory.create(), BucketFactory.create()
    client = signed_in(Role.ADMIN)
    address = f"/containers/{container.pk}/"
    fields = {
        "name": "Renamed",
        "buckets": [bucket.pk],
        "engine": container.engine,
        "audio_type": container.audio_type,
        "edited_music": "widely",
        "score_floor": "0",
        "upload_audio": container.upload_audio,
        "link_audio": container.link_audio,
    }

    renamed = client.post(address, fields)
    answer = client.post(address, fields | {"callback_url": "https://b.example/in"})
    before = Container.objects.get(pk=container.pk)
    confirmed(client, answer)

    container.refresh_from_db()
    assert not is_asked(renamed)
    assert (before.name, before.callback_url) == ("Renamed", "")
    assert container.callback_url == "https://b.example/in"


def test_to_whom_a_report_is_sent(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    person = User.objects.get(pk=client.session["_auth_user_id"])
    template = save_template(name="Usage", layout=Layout(), user=person)
    new = {
        "template": str(template.pk),
        "every": "week",
        "hour": "8",
        "channel": "email",
        "recipients": "legal@example.org",
    }

    answer = client.post("/reports/schedules/", new)
    made_before = ReportSchedule.objects.count()
    confirmed(client, answer)

    assert made_before == 0
    assert ReportSchedule.objects.get().recipients == ["legal@example.org"]


def test_the_hour_of_a_report_is_changed_without_a_question() -> None:
    person, client = make_user(Role.REVIEWER), Client()
    made = schedule(person)
    client.force_login(person)
    fields = {
        "template": str(made.template_id),
        "every": made.every,
        "hour": "9",
        "channel": made.channel,
        "recipients": "\n".join(made.recipients),
    }

    answer = client.post(f"/reports/schedules/{made.uid}/", fields)

    made.refresh_from_db()
    assert not is_asked(answer)
    assert made.hour == 9
