"""Tables of claims with other columns: guessed, chosen by a person, and repeated."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from imports import services
from imports.mapping import from_json
from imports.models import ImportStatus, MappingOrigin
from plugins.claims.importing.formats.table.report import TARGETS
from plugins.claims.importing.kind import CLAIMS
from plugins.claims.models import ClaimsImport, PlatformClaim
from tests.factories.accounts import make_user
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db
ROWS = (
    "Claim ID,Permalink,What it is,Plays,Mood,ISRC",
    "s1,https://soundcloud.com/example/set-1,active,90,blue,GBAYE0000001",
    "s2,https://soundcloud.com/example/set-2,inactive,7,,GBAYE0000001",
)


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.MANAGER)


def keep(*rows: str, platform: str = "soundcloud", day: int = 3) -> ClaimsImport:
    import_ = services.keep_upload(
        CLAIMS,
        user=make_user(Role.MANAGER),
        file=SimpleUploadedFile("claims.csv", "\n".join(rows).encode()),
        platform=platform,
        account="Example Music",
        report_day=date(2026, 11, day),
    )
    return worked(import_)


def worked(import_: ClaimsImport) -> ClaimsImport:
    run_next(Pool.WORK)
    import_.refresh_from_db()
    return import_


def targets(import_: ClaimsImport) -> list[str]:
    return [column.target for column in from_json(import_.columns, TARGETS)]


def choose(client: Client, import_: ClaimsImport, **changes: str) -> tuple[int, str]:
    """Send the form of the columns; return the status and the page that follows."""
    fields = {f"column-{n}": target for n, target in enumerate(targets(import_))}
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    answer = client.post(
        f"/claims/import/{import_.uid}/columns/",
        {"version": import_.mapping_version, **fields},
        follow=True,
    )
    import_.refresh_from_db()
    return answer.status_code, answer.content.decode()


def imported(client: Client, import_: ClaimsImport) -> ClaimsImport:
    version = {"version": import_.mapping_version}
    client.post(f"/claims/import/{import_.uid}/start/", version)
    return worked(import_)


def test_a_table_with_other_names_waits_and_is_imported_as_chosen(client: Client) -> None:
    import_ = keep(*ROWS)
    page = client.get(f"/claims/import/{import_.uid}/").content.decode()
    waiting = (import_.status, import_.message, targets(import_))

    code, _ = choose(client, import_, column_2="status")
    checked = worked(import_).summary
    imported(client, import_)

    assert waiting == (
        ImportStatus.UNMAPPED,
        "Choose the column for: status.",
        ["claim_id", "video_url", "leave", "views", "leave", "isrc"],
    )
    assert "Choose the column for: Status." in page
    assert '<bdi translate="no">inactive</bdi>' in page
    # Nothing of a claim is cleared or kept as data.
    assert "Empty cells" not in page
    assert "Keep as data" not in page
    assert (code, checked["added"], checked["refused"]) == (200, 2, 0)
    assert checked["unknown_columns"] == ["Mood"]
    assert import_.status == ImportStatus.DONE
    first = PlatformClaim.objects.get(claim_id="s1")
    assert (first.status, first.views) == ("ACTIVE", 90)
    assert first.address == "https://soundcloud.com/example/set-1"
    assert first.asset.claimed_isrc == "GBAYE0000001"
    event = Event.objects.get(action="claims.import_columns_changed")
    assert event.after["columns"] == ["What it is → status"]


def test_the_next_table_of_the_account_repeats_the_mapping(client: Client) -> None:
    import_ = keep(*ROWS)
    choose(client, import_, column_2="status", column_3="leave")
    imported(client, worked(import_))

    same = keep(*ROWS, day=4)
    elsewhere = keep(*ROWS, platform="tiktok")

    assert (same.status, same.summary["unchanged"]) == (ImportStatus.CHECKED, 2)
    assert same.columns_from == MappingOrigin.REPEATED
    assert targets(same)[2:4] == ["status", "leave"]
    assert elsewhere.status == ImportStatus.UNMAPPED


def test_a_left_out_column_is_not_read_under_its_own_name(client: Client) -> None:
    import_ = keep("claim_id,video_url,status,isrc", "s1,https://tiktok.com/1,active,X")
    assert targets(import_) == ["claim_id", "video_url", "status", "isrc"]

    choose(client, import_, column_3="leave")
    imported(client, worked(import_))

    assert PlatformClaim.objects.get().asset.claimed_isrc == ""


def test_impossible_choices_are_refused_with_the_names(client: Client) -> None:
    import_ = keep(*ROWS)

    code, page = choose(client, import_, column_4="views")
    missing = choose(client, import_, column_0="leave")[1]

    assert code == 422
    assert "“Plays” (4), “Mood” (5)" in page
    assert "Choose the column for: Id of the claim, Status." in missing
    assert import_.mapping_version == 0


def test_reports_of_youtube_have_nothing_to_map(client: Client) -> None:
    import_ = keep("claim_id,video_id,asset_id,claim_status", "c1,v1,A1,ACTIVE", platform="youtube")
    page = client.get(f"/claims/import/{import_.uid}/").content.decode()

    code, later = choose(client, import_)

    assert (import_.status, import_.columns, code) == (ImportStatus.CHECKED, [], 200)
    assert "First values" not in page
    assert "Nothing was saved" in later


def test_the_choice_is_for_those_who_import(signed_in: MakeClient) -> None:
    import_ = keep(*ROWS)

    assert choose(signed_in(Role.REVIEWER), import_, column_2="status")[0] == 403
    assert import_.mapping_version == 0


def test_a_table_of_claims_is_read_as_others_write_it() -> None:
    text = (
        "Claims of Example Music\n\n"
        "Claim ID;Permalink;Status;Plays;Territory;Claimed\n"
        "s1;https://soundcloud.com/example/set-1;active;90;DE, AT, CH;14.08.2026\n"
        "Total;;;90;;\n"
    )

    import_ = services.keep_upload(
        CLAIMS,
        user=make_user(Role.MANAGER),
        file=SimpleUploadedFile("claims.csv", text.encode("utf-16")),
        platform="soundcloud",
        account="Example Music",
        report_day=date(2026, 11, 3),
    )
    worked(import_)

    assert (import_.status, import_.message) == (ImportStatus.CHECKED, "")
    assert (import_.summary["rows"], import_.summary["refused"]) == (1, 0)
    assert import_.rules["header_line"] == 3
    assert [row["line"] for row in import_.summary["reading"]["skipped"]] == [5]
