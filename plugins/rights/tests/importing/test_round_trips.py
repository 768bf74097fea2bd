"""Rights go in as the second readers see them, come out as CSV, and in again."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from base.accounts.models import AccessLimit
from base.accounts.reach import working_for
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Recording
from catalogue.owners import tis
from catalogue.owners.models import Release, RightsRecording, Share, Work
from plugins.rights import exporting
from plugins.rights.actions import merging
from plugins.rights.importing.importer import RightsImporter, RightsSummary, isrc_of
from plugins.rights.importing.reading import open_message
from plugins.rights.tests.factories import claim_all, work
from plugins.rights.tests.importing.making import NAME, cwr
from plugins.rights.tests.importing.readers import cwr as cwr_reader
from plugins.rights.tests.importing.readers import ern, table
from plugins.rights.tests.importing.readers.claims import SeenMessage, SeenShare
from plugins.rights.tests.importing.test_cwr import SAMPLE
from plugins.rights.tests.importing.test_ern import ERN_43, ERN_382
from plugins.rights.tests.importing.test_imports import HEADER, SHARES
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory

pytestmark = pytest.mark.django_db

SENDER = "Example Rights"
SAMPLE_CWR = "".join(f"{line}\r\n" for line in SAMPLE).encode()
MESSAGES = {
    "CWR sample": (NAME, SAMPLE_CWR),
    "CWR": (NAME, b"".join(cwr(60))),
    "ERN 4.3": ("message.xml", ERN_43.encode()),
    "ERN 3.8.2": ("message.xml", ERN_382.encode()),
    "table": ("table.csv", SHARES.encode()),
}
READERS: dict[str, Callable[[bytes, str], SeenMessage]] = {
    "V21": cwr_reader.parse,
    "xml": ern.parse,
    "csv": table.parse,
}
Take = Callable[..., RightsSummary]


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Return a function that imports a file."""

    def run(name: str, content: bytes, sender: str = SENDER) -> RightsSummary:
        path = tmp_path / name
        path.write_bytes(content)
        task = RightsImporter("import", sender, None, False, lambda: None)
        with open_message(path, name=name, isrc_of=isrc_of) as reads:
            return task.run(reads)

    return run


def exported(source: str) -> bytes:
    return b"".join(exporting.as_csv(source=source, user="system"))


def source_now() -> str:
    (source,) = exporting.sources()
    return source


ShareSeen = tuple[Any, ...]


def codes(texts: Iterable[str]) -> tuple[str, ...]:
    """Return territories as one set of codes, the world as none."""
    codes_read = {tis.normalised(code) for code in texts}
    return tuple(sorted(codes_read - {tis.WORLD}))


def as_read(share: SeenShare) -> ShareSeen:
    return (
        share.party.casefold(),
        share.ipi,
        share.role,
        share.right,
        share.kind,
        share.percent,
        codes(share.included),
        codes(share.excluded),
        share.valid_from,
        share.valid_until,
    )


def as_kept(shares: Iterable[Share]) -> Counter[ShareSeen]:
    return Counter(
        (
            str(share.party).casefold(),
            share.party.ipi_name,
            share.role,
            share.right,
            share.kind,
            share.percent,
            codes(share.included),
            codes(share.excluded),
            share.valid_from,
            share.valid_until,
        )
        for share in shares
        if share.withdrawn_at is None
    )


@pytest.mark.parametrize("which", MESSAGES)
def test_the_import_keeps_what_a_second_reader_reads_and_its_export_changes_nothing(
    which: str, take: Take
) -> None:
    name, content = MESSAGES[which]
    seen = READERS[name.rpartition(".")[2]](content, name)

    summary = take(name, content)

    assert not summary.faults
    _check_works(seen)
    _check_recordings(seen)
    _check_releases(seen)

    content = exported(source_now())
    before = state()
    again = take("rights.csv", content, sender=source_now())
    assert not again.faults
    assert not again.warnings
    assert (again.created, again.changed) == ({}, {})
    assert state() == before
    assert exported(source_now()) == content


def _check_works(seen: SeenMessage) -> None:
    assert Work.objects.count() == len(seen.works)
    for claim in seen.works:
        work = (
            Work.objects.get(numbers__number=claim.number)
            if claim.number
            else Work.objects.get(iswc=claim.iswc)
        )
        assert (work.title, work.iswc) == (claim.title, claim.iswc)
        assert as_kept(work.shares.all()) == Counter(map(as_read, claim.shares))
        assert {row.isrc for row in work.recordings.all()} == {
            recording.isrc for recording in claim.recordings
        }
        assert {(row.text, row.kind) for row in work.titles.all()} == set(claim.titles)


def _check_recordings(seen: SeenMessage) -> None:
    for recording in seen.recordings:
        sound = RightsRecording.objects.get(isrc=recording.isrc)
        assert (sound.title, sound.version_title, tuple(sound.artists)) == (
            recording.title,
            recording.version_title,
            recording.artists,
        )
        assert (sound.duration_ms, sound.label) == (recording.duration_ms, recording.label)
        assert as_kept(sound.shares.all()) == Counter(map(as_read, recording.shares))


def _check_releases(seen: SeenMessage) -> None:
    for release in seen.releases:
        album = Release.objects.get(upc=release.upc)
        assert (album.title, album.grid, album.catalogue_number, album.label) == (
            release.title,
            release.grid,
            release.catalogue_number,
            release.label,
        )
        tracks = album.tracks.order_by("position")
        assert tuple(tracks.values_list("recording__isrc", flat=True)) == release.tracks


def state() -> list[object]:
    """Return all that imports may change, without where it came from."""
    return [
        *Share.objects.order_by("pk").values_list(
            "pk", "work", "recording", "party", "percent", "withdrawn_at"
        ),
        *Work.objects.order_by("pk").values_list("pk", "title", "iswc", "recordings"),
        *RightsRecording.objects.order_by("pk").values_list("pk", "title", "label"),
        *Release.objects.order_by("pk").values_list("pk", "title", "recordings"),
    ]


def test_another_portal_gets_the_same_rights_from_the_table(take: Take) -> None:
    take(*MESSAGES["CWR"])
    seen = table_shares(exported("EXAMPLE MUSIC"))
    content = exported("EXAMPLE MUSIC")
    works = [as_kept(row.shares.all()) for row in Work.objects.order_by("title")]
    for model in (Share, Work, Release, RightsRecording):
        model._default_manager.all().delete()

    summary = take("rights.csv", content, sender="EXAMPLE MUSIC")

    assert not summary.faults
    assert [as_kept(w.shares.all()) for w in Work.objects.order_by("title")] == works
    assert sum(map(Counter.total, works)) == sum(seen.values())
    assert Release.objects.count() == len({n // 12 for n in range(1, 61)})


def table_shares(content: bytes) -> Counter[ShareSeen]:
    """Return the shares that the second reader finds in an export."""
    seen = table.parse(content, "rights.csv")
    return Counter(as_read(share) for claim in seen.works for share in claim.shares)


def test_texts_that_look_like_formulas_come_back(take: Take) -> None:
    line = ',"=1+1",A|B,,W1,,"@Party\tName",,+E,performing,,33.3333,CH|-DE,,\n'
    lines = line + line.replace("=1+1", "'=Other").replace("W1", "'-W2")
    take("table.csv", (HEADER + lines).encode())

    content = exported(SENDER)
    again = take("rights.csv", content)

    assert b"'=1+1" in content
    assert (again.created, again.changed) == ({}, {})
    assert Work.objects.get(numbers__number="W1").title == "=1+1"
    assert Share.objects.first()
    assert {share.percent for share in Share.objects.all()} == {Decimal("33.3333")}


def test_only_what_the_source_says_is_exported(take: Take) -> None:
    take(*MESSAGES["table"], sender="One")
    take(*MESSAGES["CWR sample"])
    RecordingFactory.create(custom_id="ours", isrc_normalised="QZAA02600001")

    seen = table.parse(exported("EXAMPLE MUSIC"), "rights.csv")

    assert exporting.sources() == ["EXAMPLE MUSIC", "One"]
    assert [claim.number for claim in seen.works] == ["EX0001"]
    assert {share.role for share in seen.works[0].shares} == {"E", "CA"}
    assert b"2026-01-01" not in exported("EXAMPLE MUSIC")
    assert b"ours,BLUE LANTERN" in exported("EXAMPLE MUSIC")


def test_a_work_without_number_and_iswc_is_named_by_our_id(take: Take) -> None:
    claim_all(sender=SENDER, works=[work(iswc="", submitter_id="")])

    again = take("rights.csv", exported(SENDER))

    assert (again.created, again.changed) == ({}, {})
    assert Work.objects.count() == 1


def test_a_split_work_stands_with_its_number(take: Take) -> None:
    claim_all(sender=SENDER)
    work, user = Work.objects.get(), make_user(Role.MANAGER)
    taken = work.shares.get(party__name="Muster")
    merging.split_work(work=work, user=user, title="Other", shares=[taken], recordings=[])

    seen = table.parse(exported(SENDER), "rights.csv")
    again = take("rights.csv", exported(SENDER))

    assert [len(claim.shares) for claim in seen.works] == [2]
    assert (again.created, again.changed) == ({}, {})


def test_the_command_exports_a_source_and_only_to_who_sees_all_of_it(
    take: Take, tmp_path: Path
) -> None:
    take(*MESSAGES["CWR sample"])
    output = tmp_path / "rights.csv"

    call_command("export_rights", "EXAMPLE MUSIC", output=output, stdout=(message := io.StringIO()))

    assert output.read_bytes() == exported("EXAMPLE MUSIC")
    assert "EXAMPLE MUSIC" in message.getvalue()
    event = Event.objects.filter(action="rights.exported").first()
    assert event
    assert event.after == {"claimant": "EXAMPLE MUSIC"}
    with pytest.raises(CommandError, match="'EXAMPLE MUSIC'"):
        call_command("export_rights", "Nobody", output=output)
    # People with limits export what they see.
    hidden = BucketFactory.create()
    RecordingFactory.create(bucket=hidden, isrc_normalised="QZAA02600001")
    user = make_user(Role.MANAGER)
    AccessLimit.objects.create(group=user.groups.create(name="Some"), containers=[], buckets=[0])
    with working_for(user):
        assert exporting.sources() == []
        assert list(exporting.rows("EXAMPLE MUSIC")) == []
    assert Recording.objects.exists()


def test_a_table_says_who_collects(take: Take) -> None:
    header = HEADER.strip() + ",controlled_by,controlled_by_ipi,agreement\n"
    line = ",T,,,W1,,Anna,,CA,performing,collection,50,WW,,,{by}\n"

    take("t.csv", (header + line.format(by="Example Music,00000471148,AG1")).encode())
    refused = take("t.csv", (header + line.format(by=",00000471148,")).encode())

    share = Share.objects.get()
    assert share.controlled_by
    assert (share.controlled_by.ipi_name, share.agreement) == ("00000471148", "AG1")
    assert [fault["column"] for fault in refused.faults] == ["controlled_by"]
