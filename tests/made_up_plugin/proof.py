"""Proves that each place of the core shows what the made-up plug-in registers."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import submit
from operations.doctor import examine
from operations.metrics import page_of_figures
from plugins.letters.jobs import PRINT_LETTER
from plugins.letters.models import Letter, LettersImport
from plugins.letters.services import write_letter
from reports.choices import Mode
from reports.evidence.facts import case_json, gather
from reports.layouts import Layout
from review.choices import MatchState
from review.models import Match
from statements.models import Statement
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.reports.reading import content, rows
from web.portal.shared.menu import menu_for

pytestmark = pytest.mark.django_db

TEXT = "Dear station"


@pytest.fixture
def mira() -> User:
    return make_user(Role.MANAGER)


@pytest.fixture
def client(mira: User) -> Client:
    client = Client()
    client.force_login(mira)
    return client


@pytest.fixture
def match(mira: User) -> Match:
    return deciding.confirm(match=make_match(), user=mira)


@pytest.fixture
def letter(match: Match, mira: User) -> Letter:
    return write_letter(match=match, text=TEXT, user=mira)


def read(client: Client, page: str, *args: object) -> str:
    answer = client.get(reverse(page, args=args))
    assert answer.status_code == 200, answer
    return answer.content.decode()


def work_off() -> None:
    while run_next(Pool.WORK):
        pass


def test_the_menu_has_its_entry_from_the_first_use_on(
    client: Client, mira: User, match: Match
) -> None:
    assert "Letters about matches." in read(client, "portal:more")
    assert "Letters" in [entry.label for entry in menu_for(mira).unused]

    write_letter(match=match, text=TEXT, user=mira)

    assert "Letters about matches." not in read(client, "portal:more")
    assert "Letters" in [entry.label for entry in menu_for(mira).entries]


def test_pages_search_and_a_card_show_it(client: Client, letter: Letter) -> None:
    assert TEXT in read(client, "portal:letters")
    assert TEXT in read(client, "portal:letter", letter.uid)
    assert f'href="{letter.url}"' in read(client, "portal:match", letter.match.uid)
    text = client.get(reverse("portal:search"), {"q": "station"}).content.decode()
    assert letter.url in text


def test_its_list_is_filtered_and_sorted(client: Client, letter: Letter) -> None:
    write_letter(match=letter.match, text="Another", user=User.objects.get())

    def texts(**query: str) -> list[str]:
        answer = client.get(reverse("portal:letters"), query)
        return [row.text for _key, row, _cells in answer.context["rows"]]

    assert texts(q="station") == [TEXT]
    assert texts(sort="text") == ["Another", TEXT]
    assert texts(sort="-text") == [TEXT, "Another"]


def test_programs_read_it(letter: Letter, mira: User) -> None:
    secret = create_token(owner=mira, name="letters", scopes=["read"]).secret

    def read_by_program(**query: str) -> object:
        headers = {"authorization": f"Bearer {secret}"}
        return Client().get("/api/portal/v1/letters/", query, headers=headers).json()

    assert read_by_program() == [{"uid": letter.uid, "match": letter.match.uid, "text": TEXT}]
    assert read_by_program(q="nobody") == []


def test_reports_have_its_column(letter: Letter) -> None:
    (row,) = rows(content(Layout(mode=Mode.MATCH)))

    assert (row["match_id"], row["letters"]) == (letter.match.uid, "1")


def test_evidence_has_its_part(letter: Letter) -> None:
    case = case_json(gather(match_id=letter.match.pk))

    assert case["letters"] == [{"letter_id": letter.uid, "text": TEXT}]


def test_its_statements_are_compared(client: Client, letter: Letter, mira: User) -> None:
    letter.match.refresh_from_db()
    deciding.undo(match=letter.match, user=mira)
    work_off()

    statement = Statement.objects.get(subject=letter.uid)
    page = read(client, "portal:statement_list")

    assert letter.match.state != MatchState.PENDING
    assert statement.get_kind_display() == "Letter"
    assert statement.differs_since is not None
    assert "The match has another state." in page


def test_its_table_is_imported_and_taken_back(client: Client, match: Match) -> None:
    table = SimpleUploadedFile("l.csv", f"match,text\n{match.uid},{TEXT}\n".encode())

    client.post(reverse("portal:letters_import"), {"file": table})
    work_off()
    letters_import = LettersImport.objects.get()
    page = reverse("portal:letters_import_detail", args=[letters_import.uid])
    assert letters_import.summary["added"] == 1
    assert not Letter.objects.exists()
    client.post(f"{page}start/")
    work_off()
    assert TEXT in read(client, "portal:letters")
    for verb in ("check", "undo"):
        client.post(f"{page}undo/", {"verb": verb})
        work_off()

    assert not Letter.objects.exists()
    assert client.get(page).status_code == 200


def test_its_job_runs_and_is_listed(client: Client, letter: Letter, mira: User) -> None:
    submit(PRINT_LETTER, letter, user=mira)
    assert "Printing of a letter" in read(client, "portal:jobs")

    work_off()

    letter.refresh_from_db()
    assert letter.printed_at is not None
    assert not Job.objects.filter(kind="print_letter", state="failed").exists()


def test_its_events_have_words(client: Client, letter: Letter) -> None:
    client.force_login(make_user(Role.ADMIN))
    assert Event.objects.filter(case=letter.case).count() == 1

    page = client.get(reverse("admin:audit_event_changelist")).content.decode()

    assert "Letter written" in page


def test_the_doctor_and_the_metrics_know_it(letter: Letter) -> None:
    assert "acrportal_letters 1.0" in page_of_figures().decode()
    Letter.objects.update(text="x" * 101)

    assert f"{letter.uid} is too long" in [finding.problem for finding in examine()]


def test_its_guide_is_listed(client: Client) -> None:
    assert "Letters" in read(client, "portal:guides")
    assert reverse("portal:guide", args=["review-guide"]) in read(client, "portal:guide", "letters")
