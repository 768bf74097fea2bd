"""The pages on which people say what declarations ask about broadcasts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from plugins.monitoring.broadcasts.choices import RightsType
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.broadcasts.services import broadcast_state, set_revenue
from plugins.monitoring.streams.models import Station
from plugins.monitoring.tests.factories.broadcasts import make_broadcast
from plugins.monitoring.tests.factories.streams import StationFactory
from review.programmes.models import Episode, MusicUse
from review.programmes.values import state_of
from scanning.models import ScannedFile
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def zurich() -> Station:
    """Return a station whose clocks have summer time."""
    station: Station = StationFactory.create(name="Harbour FM", time_zone="Europe/Zurich")
    return station


def add(client: Client, file: ScannedFile, **values: Any) -> Any:
    """Send the form of a new broadcast. Any: values of a form, and an answer."""
    return client.post(reverse("portal:broadcast_add", args=[file.uid]), values)


def test_the_episode_shows_on_the_page_of_the_file(reviewer: Client) -> None:
    file = ScannedFileFactory.create()
    url = reverse("portal:file_broadcasts", args=[file.uid])
    seen = state_of(Episode())
    answer = reviewer.post(
        url, {"series": "Pier Stories", "season": "2", "title": "Fog", "seen": seen}
    )
    assert answer.status_code == 302
    page = reviewer.get(reverse("portal:file_detail", args=[file.uid]))
    assert "Pier Stories" in page.content.decode()
    # Somebody whose page is older overwrites nothing.
    late = reviewer.post(url, {"series": "Other", "seen": seen})
    assert late.status_code == 409
    assert "Somebody else changed this" in late.content.decode()
    assert "Other" in late.content.decode()
    assert Episode.objects.get().series == "Pier Stories"


def test_a_broadcast_is_entered_in_the_time_of_the_station(
    reviewer: Client, zurich: Station
) -> None:
    file = ScannedFileFactory.create()
    answer = add(
        reviewer,
        file,
        station=zurich.uid,
        starts_at="2026-11-03T07:00",
        length_ms="0:30:00",
        showing="first_run",
    )
    assert answer.status_code == 302
    row = Broadcast.objects.get()
    assert row.starts_at == datetime(2026, 11, 3, 6, tzinfo=UTC)
    assert row.length_ms == 1_800_000
    page = reviewer.get(reverse("portal:file_broadcasts", args=[file.uid]))
    assert "3 Nov 2026 07:00 CET" in page.content.decode()
    again = add(reviewer, file, station=zurich.uid, starts_at="2026-11-03T07:00:00")
    assert again.status_code == 409
    assert "already in the list" in again.content.decode()


def test_a_broadcast_needs_one_time_that_the_clock_showed(
    reviewer: Client, zurich: Station
) -> None:
    file = ScannedFileFactory.create()
    for starts_at, says in (
        ("soon", ""),
        ("0001-01-01T00:00", ""),
        ("9999-12-31T23:59", ""),
        ("2026-03-29T02:30", "summer time began"),
        ("2026-10-25T02:30", "Which of the two"),
    ):
        answer = add(reviewer, file, station=zurich.uid, starts_at=starts_at)
        assert answer.status_code == 422, starts_at
        assert says in answer.content.decode(), starts_at
        assert not Broadcast.objects.exists(), starts_at

    later = {"starts_at": "2026-10-25T02:30", "occurrence": "later"}
    assert add(reviewer, file, station=zurich.uid, **later).status_code == 302
    row = Broadcast.objects.get()
    assert row.starts_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    # Its form shows the choice, so that saving changes nothing.
    url = reverse("portal:broadcast", args=[file.uid, row.uid])
    form = reviewer.get(url).context["broadcast_form"]
    sent = {name: form[name].value() for name in form.fields}
    assert reviewer.post(url, sent).status_code == 302
    row.refresh_from_db()
    assert row.starts_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_broadcast_is_changed_with_its_audience_and_deleted(reviewer: Client) -> None:
    row = make_broadcast(ScannedFileFactory.create())
    names = [row.scanned_file.uid, row.uid]
    url = reverse("portal:broadcast_audience", args=names)
    form = reviewer.get(reverse("portal:broadcast", args=names)).context
    seen = form["audience_form"]["seen"].value()
    assert reviewer.post(url, {"listeners": "400", "seen": seen}).status_code == 302
    assert reviewer.post(url, {"listeners": "1", "seen": seen}).status_code == 409
    assert Audience.objects.get().listeners == 400
    url = reverse("portal:broadcast_delete", args=names)
    reviewer.post(url, {"seen": "older"})
    assert Broadcast.objects.exists()
    reviewer.post(url, {"seen": broadcast_state(row)})
    assert not Broadcast.objects.exists()


def test_the_use_is_set_from_the_review_page_and_stands_on_the_cue_sheet(reviewer: Client) -> None:
    match = make_match()
    page = reviewer.get(match.review_url).content.decode()
    url = reverse("portal:match_use", args=[match.uid])
    assert f'href="{url}?next=' in page
    sheet = reverse("portal:cue_sheet", args=[match.scanned_file.uid])
    answer = reviewer.post(
        url,
        {
            "use": "Theme",
            "origin": "LibraryMusic",
            "live": "no",
            "recorded_in": "ch",
            "next": sheet,
            "seen": state_of(MusicUse()),
        },
    )
    assert answer.headers["Location"] == sheet
    row = MusicUse.objects.get()
    assert (row.use, row.live, row.own_recording) == ("Theme", False, None)
    assert row.recorded_in == "CH"
    assert "Library music" in reviewer.get(sheet).content.decode()
    assert "Library music" in reviewer.get(match.review_url).content.decode()
    form = reviewer.get(url).context["form"]
    assert form["live"].value() == "no"
    # A forged address leads nowhere else.
    away = reviewer.post(
        url, {"use": "Theme", "next": "https://evil.example/", "seen": form["seen"].value()}
    )
    assert away.headers["Location"] == match.review_url


def test_figures_of_a_month(reviewer: Client, zurich: Station) -> None:
    url = reverse("portal:station_figures", args=[zurich.uid])
    form = reviewer.get(url, {"month": "2026-11"}).context["audience_form"]
    answer = reviewer.post(
        url,
        {
            "month": "2026-11",
            "listeners": "0",
            "tuning_hours": "1480.5",
            "seen": form["seen"].value(),
        },
    )
    assert answer.headers["Location"] == f"{url}?month=2026-11"
    row = Audience.objects.get()
    assert (row.month, row.listeners) == (date(2026, 11, 1), 0)
    assert row.performances is None
    assert row.tuning_hours == Decimal("1480.50")
    page = reviewer.get(url, {"month": "2026-11"}).content.decode()
    assert "1480.50" in page
    assert "Audience in November 2026" in page


def test_listeners_of_the_hours_of_a_day(
    reviewer: Client, signed_in: MakeClient, zurich: Station
) -> None:
    url = reverse("portal:station_hours", args=[zurich.uid])
    # Clocks are put back: two o'clock comes twice.
    form = reviewer.get(url, {"day": "2026-10-25"}).context["form"]
    assert len(form.visible_fields()) == 25
    assert [form[f"hour_{n}"].label for n in (1, 2, 3, 4)] == [
        "01:00+02:00",
        "02:00+02:00",
        "02:00+01:00",
        "03:00+01:00",
    ]
    sent = {"day": "2026-10-25", "hour_2": "40", "hour_3": "0", "seen": form["seen"].value()}

    answer = reviewer.post(url, sent)
    again = reviewer.post(url, sent | {"hour_2": "50"})

    assert answer.headers["Location"] == f"{url}?day=2026-10-25"
    assert again.status_code == 409
    rows = Audience.objects.order_by("hour").values_list("hour", "listeners")
    assert list(rows) == [
        (datetime(2026, 10, 25, 0, tzinfo=UTC), 40),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), 0),
    ]
    event = Event.objects.get(case=f"station:{zurich.uid}")
    assert event.after == {"2026-10-25 02:00:00+02:00": 40, "2026-10-25 02:00:00+01:00": 0}
    assert reviewer.get(url, {"day": "2026-03-29"}).context["form"]["hour_22"]
    wrong = reviewer.post(url, sent | {"hour_2": "-1"})
    assert wrong.status_code == 422
    form = reviewer.get(url, {"day": "2026-10-25"}).context["form"]
    reviewer.post(url, {"day": "2026-10-25", "seen": form["seen"].value()})
    assert not Audience.objects.exists()
    assert signed_in(Role.VIEWER).get(url).status_code == 403


def test_only_managers_see_revenue(
    reviewer: Client, signed_in: MakeClient, zurich: Station
) -> None:

    set_revenue(
        station=zurich,
        month=date(2026, 11, 1),
        rights_type=RightsType.PERFORMING,
        values={"net_revenue": Decimal(98765), "currency": "CHF"},
        user=None,
    )
    figures = reverse("portal:station_figures", args=[zurich.uid])
    revenue = reverse("portal:station_revenue", args=[zurich.uid])
    page = reviewer.get(f"{figures}?month=2026-11").content.decode()
    assert "98765" not in page
    assert "evenue" not in page
    assert reviewer.post(revenue, {"month": "2026-11"}).status_code == 403
    manager = signed_in(Role.MANAGER)
    page = manager.get(f"{figures}?month=2026-11").content.decode()
    assert "98765.00 CHF" in page
    sent = {
        "month": "2026-11",
        "rights": "MechanicalRight",
        "MechanicalRight-net_revenue": "12.5",
        "MechanicalRight-currency": "francs",
    }
    assert manager.post(revenue, sent).status_code == 422
    sent |= {"MechanicalRight-currency": "chf", "MechanicalRight-seen": state_of(Revenue())}
    assert manager.post(revenue, sent).status_code == 302
    assert Revenue.objects.get(rights_type="MechanicalRight").currency == "CHF"
    answer = manager.post(revenue, sent | {"rights": "all"}, follow=True)
    assert "Choose the kind of rights" in answer.content.decode()
    assert Revenue.objects.count() == 2


def test_many_files_get_a_series_and_a_broadcast(reviewer: Client, zurich: Station) -> None:
    files = ScannedFileFactory.create_batch(2)
    sent = {"file": [str(file.uid) for file in files], "apply": "yes"}
    url = reverse("portal:files_many")
    reviewer.post(url, sent | {"verb": "episode", "series": "Pier Stories"})
    reviewer.post(url, sent | {"verb": "episode", "season": "3"})
    assert {(row.series, row.season) for row in Episode.objects.all()} == {("Pier Stories", "3")}
    wrong = sent | {"verb": "broadcast", "station": zurich.uid, "starts_at": "2026-03-29 02:30"}
    assert "summer time began" in reviewer.post(url, wrong).content.decode()
    reviewer.post(url, wrong | {"starts_at": "2026-11-03 07:00"})
    assert Broadcast.objects.count() == 2
    page = reviewer.post(url, wrong | {"starts_at": "2026-11-03 07:00"})
    assert "already in the list" in page.content.decode()


def test_the_use_of_many_matches_is_set_at_once(reviewer: Client, signed_in: MakeClient) -> None:
    themes = [make_match(state="confirmed"), make_match()]
    match, other_match = themes
    MusicUse.objects.create(
        scanned_file=match.scanned_file,
        recording=match.recording,
        origin="LibraryMusic",
        own_recording=True,
    )
    listing = reviewer.get(reverse("portal:match_list")).content.decode()
    assert f'value="{match.uid}:{match.version}"' in listing
    many = f"{reverse('portal:decide_many')}?list=all"
    sent = {"verb": "use", "expected": [f"{match.uid}:{match.version}" for match in themes]}
    viewer = signed_in(Role.VIEWER)
    refused = viewer.post(many, sent | {"apply": "yes", "use": "Theme"})
    assert refused.status_code == 403
    assert MusicUse.objects.count() == 1
    preview = reviewer.post(many, sent).content.decode()
    assert "Set the use: 2 matches" in preview
    nothing = reviewer.post(many, sent | {"apply": "yes"}).content.decode()
    assert "Choose at least one value" in nothing

    sent |= {"apply": "yes", "use": "Theme", "own_recording": "-"}
    done = reviewer.post(many, sent).content.decode()

    assert "Use of 2 matches set" in done
    assert reverse("portal:match_list") in done
    uses = {use.scanned_file_id: use for use in MusicUse.objects.all()}
    first, second = uses[match.scanned_file_id], uses[other_match.scanned_file_id]
    assert (first.use, first.origin, first.own_recording) == ("Theme", "LibraryMusic", None)
    assert (second.use, second.origin) == ("Theme", "")
    assert Event.objects.filter(action="file.use_changed").count() == 2
    # The state and the version of a match are those of its decisions alone.
    match.refresh_from_db()
    assert match.version == themes[0].version
