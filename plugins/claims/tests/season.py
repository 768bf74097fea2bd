"""What people of the season do with platforms' claims, and what must hold afterwards."""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from base.accounts.reach import working_for
from catalogue.models import Recording
from catalogue.owners.models import Work
from plugins.claims import comparing, files
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState, Meaning
from plugins.claims.models import (
    AnswersImport,
    ClaimFile,
    ClaimFileRow,
    ClaimsImport,
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    ReportedValue,
)
from plugins.claims.tests.making import ASSET, CLAIM, CONFLICT, REFERENCE, VIDEO, report
from tests.season.invariants import check
from tests.season.pages import Page, fill
from tests.season.people import Person

_FIRST = date(2026, 10, 1)
_IMPORTS: tuple[tuple[Any, str], ...] = (  # Any: a model
    (ClaimsImport, "/claims/import/"),
    (ClaimsImport, "/claims/import/"),
    (AnswersImport, "/claims/answers/"),
)
_CLAIM = {**CLAIM, "iswc": ""}
_ASSET = {**ASSET, "constituent_asset_id": ""}
_TABLE = {"Claim": "", "Permalink": "", "Where it stands": "", "ISRC": ""}
_LIKE = (*(_CLAIM,) * 3, _ASSET, CONFLICT, VIDEO, REFERENCE, _TABLE)
# Licences begin and end with the calendar, and the daily comparison follows.
_WITHOUT_CALENDAR = (
    DiscrepancyKind.NOT_HEARD,
    DiscrepancyKind.NOT_SCANNED,
    DiscrepancyKind.BY_OTHERS,
    DiscrepancyKind.DISPUTE_DUE,
    DiscrepancyKind.NO_REFERENCE,
)


def handle(person: Person, rng: random.Random) -> None:
    """Do one thing with claims; roles and limits may refuse it."""
    rng.choice(_WAYS)(person, rng)


def _make(person: Person, rng: random.Random) -> None:
    """Prepare a file of some open entries of a list."""
    row = _some(Discrepancy._base_manager.filter(state="open"), rng)
    kinds = files.kinds_for(DiscrepancyKind(row.kind)) if row is not None else []
    if row is not None and kinds:
        person.fill_in(
            "/claims/many/", discrepancy=f"{row.uid}:{row.revision}", verb=rng.choice(kinds).value
        )


def _answer(person: Person, rng: random.Random) -> None:
    """Upload what the platform answers to some rows of a file."""
    file = _some(ClaimFile._base_manager.filter(state__in=["sent", "answered"]), rng)
    if file is None:
        return
    rows = [
        f"{number},{rng.choice(['Successful', 'Successful', 'Errors'])}"
        for number in range(1, file.row_count + 1)
        if rng.random() < 0.8
    ]
    content = "\n".join(["Row number,Status", *rows]).encode()
    person.fill_in(
        "/claims/answers/",
        file=SimpleUploadedFile("status.csv", content),
        claim_file=file.uid,
        first_row="1",
    )


def _look(person: Person, rng: random.Random) -> None:
    """Look at lists, files and claims, and check that nothing hidden is shown."""
    kind = rng.choice(DiscrepancyKind.values)
    path = f"/claims/?list={kind}&state={rng.choice(['', 'dismissed', 'gone'])}"
    answer = person.open(path)
    with working_for(person.user):
        rows = Discrepancy.objects.filter(kind=kind)
        seen = set(rows.values_list("uid", flat=True))
    if not answer.is_page:
        return
    matches = set(re.findall(r"\bpd_\w+", answer.content.decode()))
    check(matches <= seen, f"{path} shows {person.name} hidden entries {matches - seen}")


def _tick(person: Person, rng: random.Random) -> None:
    """Tick entries on a page, and dismiss them, open them again, or make a file."""
    kind = rng.choice(DiscrepancyKind.values)
    path = f"/claims/?list={kind}&state={rng.choice(['', 'dismissed'])}"
    page = Page.read(path, person.open(path).content)
    for form in page.forms:
        if form.path == "/claims/many/":
            person.send(fill(form, rng, datetime.now(tz=UTC)))


def _take(person: Person, rng: random.Random) -> None:
    """Mark a file as sent, or not, or withdraw it."""
    file = _some(ClaimFile._base_manager.all(), rng)
    if file is not None:
        verb = rng.choice(["sent", "unsent", "withdraw"])
        person.fill_in(f"/claims/files/{file.uid}/act/", verb=verb)


def new_report(rng: random.Random) -> dict[str, Any]:  # Any: values of a form
    """Return a newer or older report of any kind, or a table with other columns."""
    day = _FIRST + timedelta(days=rng.randrange(20))
    isrcs = [
        isrc for isrc in Recording._base_manager.values_list("isrc_normalised", flat=True) if isrc
    ]
    rows: list[dict[str, str]] = []
    iswcs = [*Work.objects.exclude(iswc="").values_list("iswc", flat=True), ""]
    like = rng.choice(_LIKE)
    for number in rng.sample(range(6), 4):
        row = {"asset_id": f"A{number}"}
        if like is _TABLE:
            row = {
                "Claim": f"s{number}",
                "Permalink": f"https://soundcloud.com/example/set-{number}",
                "Where it stands": rng.choice(["active", "active", "inactive"]),
                "ISRC": rng.choice(isrcs) if isrcs else "",
            }
        elif like is _CLAIM:
            row |= {
                "claim_id": f"c{number}",
                "video_id": f"video{number:06}",
                "claim_status": rng.choice(["ACTIVE", "ACTIVE", "INACTIVE"]),
                "claim_status_detail": rng.choice(["", "MADE_UP"]),
                "isrc": rng.choice([*isrcs, ""]),
                "iswc": rng.choice(iswcs),
            }
        elif like is VIDEO:
            row["video_id"] = f"video{number:06}"
            row["other_owners_claiming"] = rng.choice(["", "Somebody"])
        elif like is REFERENCE:
            row["reference_id"] = f"R{number}{rng.randrange(2)}"
            row["status"] = rng.choice(["ACTIVE", "INACTIVE", "DUPLICATE_ON_HOLD"])
            row["excluded_perc"] = rng.choice(["", "10", "80"])
        else:
            row["conflicting_owner"] = rng.choice(["", "Somebody"])
            if like is _ASSET:
                row["constituent_asset_id"] = rng.choice(["", f"A{(number + 1) % 6}"])
        rows.append(row)
    return {
        "file": SimpleUploadedFile("report.csv", report(rows, like)),
        "platform": "soundcloud" if like is _TABLE else "youtube",
        "account": "Example Music",
        "report_day": day.isoformat(),
    }


def _map(person: Person, rng: random.Random) -> None:
    """Say which of ours the columns of a table are, perhaps wrongly."""
    waiting = ClaimsImport._base_manager.filter(status__in=["unmapped", "checked"])
    file = _some(waiting.exclude(columns=[]), rng)
    if file is None:
        return
    chosen = ["claim_id", "video_url", "status", rng.choice(["isrc", "leave"])]
    if rng.random() < 0.2:
        rng.shuffle(chosen)
    targets = {f"column-{at}": name for at, name in enumerate(chosen)}
    path = f"/claims/import/{file.uid}/columns/"
    person.fill_in(path, version=str(file.mapping_version), **targets)


def _bring(person: Person, rng: random.Random) -> None:
    person.fill_in("/claims/import/", **new_report(rng))


def _some(rows: Any, rng: random.Random) -> Any:  # Any: rows of any model
    rows_in_order = list(rows.order_by("pk"))
    return rng.choice(rows_in_order) if rows_in_order else None


def _start(person: Person, rng: random.Random) -> None:
    model, path = rng.choice(_IMPORTS)
    import_ = _some(model._base_manager.filter(status="checked"), rng)
    if import_ is not None:
        person.fill_in(f"{path}{import_.uid}/start/")


def _undo(person: Person, rng: random.Random) -> None:
    model, path = rng.choice(_IMPORTS)
    done = model._base_manager.filter(status__in=["done", "undo_checked"])
    import_ = done.order_by("-pk").first()
    if import_ is not None:
        verb = "check" if import_.status == "done" else rng.choice(["undo", "keep"])
        person.fill_in(f"{path}{import_.uid}/undo/", verb=verb)


def _link(person: Person, rng: random.Random) -> None:
    asset = _some(PlatformAsset._base_manager.select_related("account"), rng)
    recording = _some(Recording._base_manager.all(), rng)
    if asset is not None and recording is not None:
        path = f"/claims/accounts/{asset.account.uid}/assets/{asset.asset_id}/"
        person.fill_in(path, recording=rng.choice(["", recording.uid]))


def _explain(person: Person, rng: random.Random) -> None:
    values = {
        f"value-{value.pk}": rng.choice(Meaning.values) for value in ReportedValue.objects.all()
    }
    if values:
        person.fill_in("/claims/values/", **values)


def _dismiss(person: Person, rng: random.Random) -> None:
    row = _some(Discrepancy._base_manager.all(), rng)
    if row is not None:
        person.fill_in(
            "/claims/many/",
            discrepancy=f"{row.uid}:{row.revision}",
            note="Known.",
            verb=rng.choice(["dismiss", "dismiss", "reopen"]),
        )


_WAYS = (
    *(_bring, _bring, _start, _start, _undo, _link, _explain, _dismiss),
    *(_make, _take, _take, _answer, _look, _tick, _map),
)


def claims_hold() -> None:
    """Check that comparing everything changes nothing that was followed.

    No entry is in two files that were not withdrawn.
    """
    rows = ClaimFileRow.objects.living()
    entries = list(rows.values_list("discrepancy", flat=True))
    check(len(entries) == len(set(entries)), "an entry is in two files")
    with working_for(None):
        before = _rows()
        for account in PlatformAccount.objects.all():
            comparing.compare_account(account)
        after = _rows()
    check(before == after, f"a full comparison differs: {before ^ after}")


def _rows() -> set[tuple[object, ...]]:
    discrepancies = Discrepancy.objects.filter(kind__in=_WITHOUT_CALENDAR)
    open_ones = discrepancies.exclude(state=DiscrepancyState.GONE)
    return set(open_ones.values_list("key", "basis", "state", "recording"))
