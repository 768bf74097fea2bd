"""What people do with records of rights, and what an undo brings back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from base.accounts.models import AccessLimit, User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from catalogue.models import Recording
from catalogue.owners.choices import ConflictState, Right, ShareKind
from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Share, Work
from catalogue.owners.records import case_of
from catalogue.owners.selectors import owners_of, releases_in_reach, rights_of, works_in_reach
from plugins.rights.actions import conflicts, merging, parts, records, undoing
from plugins.rights.actions.base import Case
from plugins.rights.actions.parts import ShareDetails
from plugins.rights.errors import RightsChanged, RightsRefused
from plugins.rights.pages.page import history
from plugins.rights.tests.factories import ISRC, claim, claim_all, master, recording, share, work
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory

DAY = date(2026, 11, 1)

pytestmark = pytest.mark.django_db


def owners(on: Work | RightsRecording) -> list[tuple[str, Decimal | None]]:
    rows = owners_of(on, day=DAY)
    return sorted((str(row.party), row.percent) for row in rows)


def details(party: Party, percent: str, **options: object) -> ShareDetails:
    values: dict[str, object] = {
        "party": party,
        "role": "CA",
        "right": Right.PERFORMING,
        "kind": ShareKind.OWNERSHIP,
        "percent": Decimal(percent),
    }
    return ShareDetails(**values | options)  # type: ignore[arg-type]  # as named


def undo_last(record: Case, user: User) -> None:
    """Undo the last action on a record, which the person saw."""
    event = undoing.last_action(record)
    assert event is not None
    undoing.undo(record=record, user=user, event_seen=event.sequence)


def test_a_share_by_hand_wins_and_an_undo_takes_it_back(manager: User) -> None:
    claim_all()
    work, anna = Work.objects.get(), Party.objects.get(name="Muster")

    parts.add_share(record=work, user=manager, details=details(anna, "40"))
    assert owners(work) == [("Anna Muster", Decimal(40)), ("Example Music", Decimal(50))]

    undo_last(work, manager)
    assert owners(work) == [("Anna Muster", Decimal(50)), ("Example Music", Decimal(50))]


def test_a_share_that_a_person_took_out_does_not_come_back(manager: User) -> None:
    claim_all()
    work = Work.objects.get()

    parts.remove_share(share=work.shares.get(party__name="Muster"), user=manager)
    applied = claim_all()

    assert applied.changed == 0
    assert owners(work) == [("Example Music", Decimal(50))]


def test_merged_works_are_one_until_they_part_again(manager: User) -> None:
    claim_all()
    claim(
        works=[work(iswc="", submitter_id="X2", title="Lantern", shares=(share("W1"),))],
        recordings=[recording(isrc="QZAA02600002")],
    )
    first, two = Work.objects.order_by("pk")

    merging.merge_works(work=two, into=first, user=manager)
    # The same share of the same source counts once.
    assert first.shares.count() == 2
    assert first.recordings.count() == 2
    claim(works=[work(iswc="", submitter_id="X2", shares=(), recordings=())])
    assert Work.objects.count() == 2

    two.refresh_from_db()
    undo_last(two, manager)
    assert (first.shares.count(), two.shares.count()) == (2, 1)
    assert (first.recordings.count(), two.recordings.count()) == (1, 1)


def test_merged_works_of_one_sender_count_once_and_repeating_changes_nothing(manager: User) -> None:
    """Each number of a sender keeps its own claims, also in one work."""
    twice = [
        work(),
        work(key="2", iswc="", submitter_id="EX0002", title="Blue Lantern II"),
        work(
            key="3",
            iswc="",
            submitter_id="EX0003",
            title="Blue Lantern III",
            shares=(share("W1", "50"), share("L1", "50", role="E")),
        ),
    ]
    claim_all(works=twice)
    first, second, third = Work.objects.order_by("pk")
    merging.merge_works(work=second, into=first, user=manager)
    assert len(owners(first)) == 2
    assert not Conflict.objects.filter(work=first, state=ConflictState.OPEN).exists()

    merging.merge_works(work=third, into=first, user=manager)
    again = claim_all(works=twice)
    third_time = claim_all(works=twice)

    assert (again.changed, third_time.changed) == (1, 0)
    names = [name for name, _percent in owners(first)]
    assert sorted(names) == ["Anna Muster", "Example Music", "Harbour Lights"]

    undo_last(third, manager)
    undo_last(second, manager)
    assert owners(second) == owners(Work.objects.get(pk=first.pk))


def newest(record: Work | Party) -> tuple[str, str]:
    """Return the last sentence of a record's history, and what it names."""
    event = history(case_of(record))[0]
    return event.sentence, event.detail


@pytest.mark.parametrize("is_from_second", [False, True])
def test_a_split_work_is_joined_again_by_an_undo_of_either(
    manager: User, is_from_second: bool
) -> None:
    claim_all()
    work = Work.objects.get()
    taken = work.shares.get(party__name="Muster")

    second = merging.split_work(
        work=work, user=manager, title="Other", shares=[taken], recordings=[]
    )
    assert (work.shares.count(), second.shares.count()) == (1, 1)

    undo_last(second if is_from_second else work, manager)
    second.refresh_from_db()
    assert work.shares.count() == 2
    assert second.merged_into == work
    assert newest(second) == (
        "was joined again with the work that it was split off",
        "Blue Lantern",
    )
    assert newest(work) == ("took back what was split off", "Other")
    assert undoing.last_action(second) is None


def test_an_import_leaves_a_split_as_it_is(manager: User) -> None:
    claim_all()
    work = Work.objects.get()
    second = merging.split_work(
        work=work,
        user=manager,
        title="Other",
        shares=[work.shares.get(party__name="Muster")],
        recordings=list(work.recordings.all()),
    )

    again = claim_all()

    assert (again.created, again.changed) == (0, 0)
    assert owners(work) == [("Example Music", Decimal(50))]
    assert owners(second) == [("Anna Muster", Decimal(50))]
    assert not work.recordings.exists()


def test_a_split_that_takes_only_recordings_stays_until_it_is_undone(manager: User) -> None:
    claim_all()
    work = Work.objects.get()
    sounds = list(work.recordings.all())
    second = merging.split_work(
        work=work, user=manager, title="Other", shares=[], recordings=sounds
    )

    again = claim_all()
    assert (again.created, again.changed) == (0, 0)
    assert not work.recordings.exists()
    assert list(second.recordings.all()) == sounds

    undo_last(work, manager)
    assert list(work.recordings.all()) == sounds
    work.recordings.clear()
    # Nothing holds it off any more.
    assert claim_all().changed == 1
    assert list(work.recordings.all()) == sounds


def test_what_was_split_off_stays_off_the_work_that_took_over(manager: User) -> None:
    claim_all()
    work = Work.objects.get()
    sounds = list(work.recordings.all())
    merging.split_work(work=work, user=manager, title="Other", shares=[], recordings=sounds)
    third = Work.objects.create(title="Third")
    merging.merge_works(work=work, into=third, user=manager)

    claim_all()
    assert not third.recordings.exists()

    undo_last(work, manager)
    assert not third.kept_off.exists()
    claim_all()
    assert not work.recordings.exists()


def test_a_recording_that_a_person_took_out_does_not_come_back(manager: User) -> None:
    claim_all()
    for record in (Work.objects.get(), Release.objects.get()):
        sound = record.recordings.get()
        parts.unlink_recording(record=record, sound=sound, user=manager)

        again = claim_all()
        assert (again.created, again.changed) == (0, 0)
        assert not record.recordings.exists()

        undo_last(record, manager)
        assert record.recordings.get() == sound


def test_a_changed_share_is_changed_where_a_split_put_it(manager: User) -> None:
    claim_all()
    changed_work = Work.objects.get()
    taken = changed_work.shares.get(party__name="Muster")
    second = merging.split_work(
        work=changed_work, user=manager, title="Other", shares=[taken], recordings=[]
    )

    changed = claim_all(works=[work(shares=(share("W1", "40"), share("P1", "60")))])
    repeated = claim_all(works=[work(shares=(share("W1", "40"), share("P1", "60")))])

    assert (changed.changed, repeated.changed) == (2, 0)
    assert owners(changed_work) == [("Example Music", Decimal(60))]
    assert owners(second) == [("Anna Muster", Decimal(40))]
    taken.refresh_from_db()
    assert taken.withdrawn_at is not None

    claim_all(works=[work(shares=(share("P1", "100"),))])
    assert owners(second) == []


def test_merged_parties_are_one_until_they_part_again(manager: User) -> None:
    claim_all()
    anna, music = (Party.objects.get(name="Muster"), Party.objects.get(ipi_name="00000471148"))

    merging.merge_parties(party=anna, into=music, user=manager)
    assert Share.objects.filter(party=music).count() == 2

    # The page that the merge led to undoes it, too.
    assert newest(music) == ("absorbed another one", "Anna Muster")
    undo_last(music, manager)
    assert Share.objects.filter(party=music).count() == 1
    anna.refresh_from_db()
    assert anna.merged_into is None
    assert newest(anna) == ("is separate again from another one", "Example Music")
    assert newest(music) == ("gave back what it absorbed", "Anna Muster")
    assert undoing.last_action(music) is None


def test_a_wrong_code_and_an_outdated_page_are_refused(manager: User) -> None:
    claim_all()
    work = Work.objects.get()
    with pytest.raises(RightsRefused, match="check digit"):
        records.edit(record=work, user=manager, revision=1, values={"iswc": "T9000000012"})
    records.edit(record=work, user=manager, revision=1, values={"title": "New"})
    with pytest.raises(RightsChanged):
        records.edit(record=work, user=manager, revision=1, values={"title": "Old"})

    undo_last(work, manager)
    work.refresh_from_db()
    assert work.title == "Blue Lantern"


def test_a_believed_source_counts_until_the_claims_change(manager: User) -> None:
    claim(works=[work(shares=(share("W1", "100"),))])
    claim(sender="Another", works=[work(shares=(share("P1", "100"),))])
    own_work, conflict = Work.objects.get(), Conflict.objects.get()

    conflicts.settle(conflict=conflict, user=manager, revision=conflict.revision, choice="Another")
    assert owners(own_work) == [("Example Music", Decimal(100))]

    claim(works=[work(shares=(share("W1", "90"),))])
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN
    assert len(owners(own_work)) == 2


def test_a_chosen_value_is_taken_and_given_back(manager: User) -> None:
    claim(recordings=[recording()])
    claim(sender="Another", recordings=[recording(title="Red Lantern")])
    conflict, sound = Conflict.objects.get(), RightsRecording.objects.get()

    conflicts.settle(
        conflict=conflict, user=manager, revision=conflict.revision, choice="Red Lantern"
    )
    sound.refresh_from_db()
    assert sound.title == "Red Lantern"
    claim(sender="Another", recordings=[recording(title="Red Lantern")])
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.SETTLED

    conflicts.reopen(conflict=conflict, user=manager, revision=conflict.revision)
    sound.refresh_from_db()
    conflict.refresh_from_db()
    assert (sound.title, conflict.state) == ("Blue Lantern", ConflictState.OPEN)


def test_empty_fields_of_the_catalogue_are_filled_and_our_share_follows(manager: User) -> None:
    ours = RecordingFactory.create(isrc_normalised=ISRC, title="Blue Lantern", label="Own")
    claim_all()
    now = Recording.objects.get(pk=ours.pk)
    assert (now.writers, now.publishers) == (["Anna Muster"], ["Example Music"])
    assert (now.label, now.upc, now.iswc) == ("Own", "2000000000015", "T9000000011")
    assert now.owner_share_pct is None

    label = Party.objects.get(name="Harbour Lights")
    records.edit(record=label, user=manager, revision=1, values={"is_ours": True})
    assert Recording.objects.get(pk=ours.pk).owner_share_pct == 100
    claim(recordings=[recording(shares=(master("L1", "60"), master("P1", "40")))])
    assert Recording.objects.get(pk=ours.pk).owner_share_pct == 60

    Recording.objects.filter(pk=ours.pk).update(user_defined={"owner_share_pct": "55"})
    assert Recording.objects.get(pk=ours.pk).owner_share_pct == 55


def test_who_owns_what_where_is_asked_for_a_day_and_a_territory() -> None:
    ours = RecordingFactory.create(isrc_normalised=ISRC, title="Blue Lantern")
    first = master("L1", "100", included=("2136",), excluded=("US",))
    last = date(2026, 6, 30)
    then = master("P1", "100", included=("US",), valid_from=last, valid_until=last)
    claim_all(recordings=[recording(shares=(first, then))])

    def masters(day: date, *territories: str) -> list[str]:
        rights = rights_of(ours, day=day, territories=territories)
        return sorted(str(row.party) for row in rights.owners if row.right == Right.MASTER)

    assert masters(date(2026, 6, 30)) == ["Example Music", "Harbour Lights"]
    assert masters(date(2026, 6, 30), "US") == ["Example Music"]
    assert masters(date(2026, 7, 1), "US") == []
    assert masters(date(2026, 7, 1), "2126") == ["Harbour Lights"]


def test_who_sees_no_recording_of_a_work_does_not_see_the_work() -> None:
    RecordingFactory.create(isrc_normalised=ISRC, title="Blue Lantern")
    seen = RecordingFactory.create(isrc_normalised="QZAA02600002", title="Seen")
    claim_all()
    claim(works=[work(iswc="", submitter_id="2", title="No sound", recordings=())])
    limited = make_user(Role.MANAGER, username="limited")
    AccessLimit.objects.create(group=limited.groups.get(), buckets=[seen.bucket_id])

    with working_for(limited):
        assert [work.title for work in works_in_reach()] == ["No sound"]
        assert not releases_in_reach()
        changed_work = Work.objects.get(title="Blue Lantern")
        with pytest.raises(RightsRefused, match="cannot see"):
            records.edit(record=changed_work, user=limited, revision=1, values={"title": "x"})


def test_a_viewer_changes_nothing() -> None:
    claim_all()
    with pytest.raises(RightsRefused, match="role"):
        records.edit(
            record=Work.objects.get(),
            user=make_user(Role.VIEWER),
            revision=1,
            values={"title": "x"},
        )


def test_rights_known_for_other_countries_are_not_unknown() -> None:
    ours, bare = (RecordingFactory.create(isrc_normalised=ISRC), RecordingFactory.create())
    claim(recordings=[recording(shares=(master("L1", included=("GB",)),))])

    here = rights_of(ours, day=DAY, territories=["GB"])
    there = rights_of(ours, day=DAY, territories=["US"])

    assert [str(row.party) for row in here.owners] == ["Harbour Lights"]
    assert (there.owners, there.is_known) == ([], True)
    assert not rights_of(bare, day=DAY, territories=["US"]).is_known


def test_names_that_were_filled_in_follow_the_works_and_typed_ones_stay(manager: User) -> None:
    ours, typed = RecordingFactory.create_batch(2, isrc_normalised=ISRC)
    Recording.objects.filter(pk=typed.pk).update(writers=["Somebody"])

    def writers() -> list[str]:
        ours.refresh_from_db()
        assert Recording.objects.get(pk=typed.pk).writers == ["Somebody"]
        return list(ours.writers)

    claim_all()
    assert writers() == ["Anna Muster"]
    second = Party.objects.create(name="K. Kunz")
    made = Work.objects.get()
    parts.add_share(record=made, user=manager, details=details(second, "25"))
    assert writers() == ["Anna Muster", "K. Kunz"]
    full = Party.objects.create(name="Karl Kunz")
    merging.merge_parties(party=second, into=full, user=manager)
    assert writers() == ["Anna Muster", "Karl Kunz"]
    parts.unlink_recording(record=made, sound=RightsRecording.objects.get(), user=manager)
    assert writers() == []
