"""What messages claim becomes records; repeated and contradicting ones do no harm."""

from __future__ import annotations

from decimal import Decimal

import pytest

from base.audit.models import Event
from base.audit.services import first_broken_event
from catalogue.owners.models import (
    OtherTitle,
    Party,
    Release,
    RightsRecording,
    Share,
    Statement,
    Work,
)
from plugins.rights.tests.factories import (
    LABEL,
    PUBLISHER,
    WRITER,
    claim,
    claim_all,
    master,
    recording,
    release,
    share,
    work,
)

pytestmark = pytest.mark.django_db


def living() -> list[tuple[str, Decimal | None]]:
    rows = Share.objects.filter(work__isnull=False, withdrawn_at=None)
    return [(share.party.name, share.percent) for share in rows.order_by("pk")]


def test_a_message_becomes_records_that_know_each_other_once() -> None:
    # A dry run counts the same and writes nothing.
    assert claim_all(dry_run=True).created == 6
    assert not Work.objects.exists()
    assert not Event.objects.exists()

    applied = claim_all()

    made = Work.objects.get()
    sound = RightsRecording.objects.get()
    assert (applied.created, applied.changed, applied.unchanged) == (6, 0, 0)
    assert not applied.faults
    assert list(made.recordings.all()) == [sound]
    assert list(Release.objects.get().recordings.all()) == [sound]
    assert living() == [("Muster", Decimal(50)), ("Example Music", Decimal(50))]
    assert Share.objects.filter(work=made, line=9).count() == 2
    assert Share.objects.get(recording=sound).source == "import i_1"
    assert Event.objects.filter(case=f"work:{made.uid}").count() == 1

    # Repeating it changes nothing.
    events = Event.objects.count()
    applied = claim_all()
    assert (applied.created, applied.changed, applied.unchanged) == (0, 0, 6)
    assert Event.objects.count() == events
    assert Share.objects.count() == 3


def test_a_source_replaces_its_own_shares_and_no_others() -> None:
    claim_all()
    claim(sender="Another", works=[work(shares=(share("W1", "100"),))])

    applied = claim(works=[work(shares=(share("W1", "60"), share("P1", "40")))])

    assert applied.changed == 1
    assert living() == [
        ("Muster", Decimal(100)),
        ("Muster", Decimal(60)),
        ("Example Music", Decimal(40)),
    ]
    case = f"work:{Work.objects.get().uid}"
    assert first_broken_event(case=case) is None


def test_blanks_never_overwrite_and_empty_fields_are_filled() -> None:
    claim(works=[work(iswc="", category="UNC", shares=(), recordings=())])
    claim(works=[work(category="", shares=(), recordings=(), title="BLUE LANTERN")])

    made = Work.objects.get()
    assert (made.title, made.iswc, made.category) == ("Blue Lantern", "T9000000011", "UNC")
    assert not OtherTitle.objects.exists()


def test_another_title_and_another_iswc_are_kept_beside_the_first() -> None:
    claim_all()
    claim(sender="Another", works=[work(title="Blaue Laterne", submitter_id="")])
    claim(works=[work(iswc="T0345246801")])

    made = Work.objects.get()
    assert (made.title, made.iswc) == ("Blue Lantern", "T9000000011")
    assert [title.text for title in made.titles.all()] == ["Blaue Laterne"]
    stated = Statement.objects.filter(work=made, field="ISWC")
    assert set(stated.values_list("claimant", "value")) == {
        ("Example Music", "T0345246801"),
        ("Another", "T9000000011"),
    }


def test_the_same_iswc_with_other_writers_stays_another_work() -> None:
    claim_all()
    other_party_claim = type(WRITER)(key="W2", name="Beispiel", ipi_name="00000000000")

    claim(
        sender="Another",
        parties=[other_party_claim],
        works=[work(shares=(share("W2", "100"),), recordings=(), submitter_id="X")],
    )

    assert Work.objects.filter(iswc="T9000000011").count() == 2


def test_a_fault_keeps_its_record_out_and_is_named() -> None:
    claim_all()
    before = Share.objects.count(), Work.objects.count(), Release.objects.count()
    faults: list[tuple[dict[str, object], str]] = [
        ({"works": [work(iswc="T9000000012")]}, "iswc"),
        ({"works": [work(title=" ")]}, "title"),
        ({"works": [work(shares=(share("W1", "100.07"),))]}, "percent"),
        ({"works": [work(shares=(share("W9"),))]}, "party"),
        ({"works": [work(shares=(share("W1", included=("2135",)),))]}, "territory"),
        ({"works": [work(shares=(master("L1"),))]}, "right"),
        ({"recordings": [recording(isrc="QZAA0260001")]}, "isrc"),
        ({"releases": [release(upc="2000000000016")]}, "upc"),
        ({"parties": [type(WRITER)(key="W", name="M", isni="0000000100000008")]}, "isni"),
    ]
    for wrong, field in faults:
        applied = claim(**{"parties": [WRITER, PUBLISHER, LABEL]} | wrong)  # type: ignore[arg-type]  # as given

        assert field in [fault.field for fault in applied.faults], field
        assert applied.changed == applied.created == 0, field
        assert before == (Share.objects.count(), Work.objects.count(), Release.objects.count()), (
            field
        )


def test_a_dpid_with_a_wrong_check_only_warns() -> None:
    applied = claim(parties=[type(WRITER)(key="S", name="S", dpid="PADPIDA2099010101Y")])

    assert [fault.is_warning for fault in applied.faults] == [True]
    assert Party.objects.get().dpid == "PADPIDA2099010101Y"


def test_what_has_no_codes_is_found_again_by_its_name() -> None:
    claim(parties=[WRITER])
    claim(parties=[type(WRITER)(key="x", name="ANNA MUSTER")])
    assert Party.objects.count() == 1

    for _ in range(2):
        claim(recordings=[recording(isrc="")])
    assert RightsRecording.objects.count() == 1
