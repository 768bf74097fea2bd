"""Applies what a message says of works: codes, titles, recordings and shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from catalogue.identifiers import check_iswc
from catalogue.owners.choices import WRITER_ROLES, Right, StatedField, TitleKind
from catalogue.owners.models import OtherTitle, Work, WorkNumber
from catalogue.owners.records import case_of
from catalogue.owners.texts import folded
from plugins.rights.applying.changes import Changes
from plugins.rights.applying.shares import checked_shares, replace_shares
from plugins.rights.applying.values import ClaimRefused, checked, cut
from plugins.rights.claims import TitleClaim, WorkClaim
from plugins.rights.matching import find_work


def apply_work(changes: Changes, claim: WorkClaim, recordings: Sequence[str]) -> Work:
    if not claim.title.strip():
        raise ClaimRefused("title", claim.key, _("The work has no title."))
    iswc = checked(check_iswc, "iswc", claim.iswc)
    number = claim.submitter_id.strip()[:100]
    writers = {
        changes.parties[share.party].pk
        for share in claim.shares
        if share.role in WRITER_ROLES and share.party in changes.parties
    }
    shares = checked_shares(
        changes, claim.shares, {Right.PERFORMING, Right.MECHANICAL, Right.SYNCHRONISATION}
    )
    work = _ours(changes, number)
    if work is not None:
        number = ""
    elif changes.existing.may_have(number=number, iswc=iswc):
        work = find_work(
            claimant=changes.claimant, number=number, iswc=iswc, title=claim.title, writers=writers
        )
    values = {
        "title": cut(Work, "title", claim.title),
        "iswc": iswc,
        "category": cut(Work, "category", claim.category),
        "version": cut(Work, "version", claim.version),
    }
    titles = list(claim.titles)
    if work is None:
        work = changes.create(Work(**values), values)
    else:
        if folded(values["title"]) != work.title_key:
            titles.append(TitleClaim(text=values["title"], kind=TitleKind.ALTERNATIVE))
        changes.fill_empty(work, values)
    _number(changes, work, number)
    _titles(changes, work, titles, claim.line)
    changes.keep_statement(work, StatedField.ISWC, iswc, claim.line, number)
    _link(changes, work, recordings, claim.line)
    replace_shares(changes, work, shares, number)
    return work


def _ours(changes: Changes, number: str) -> Work | None:
    """Return the work that a table names by our id, for want of another number."""
    if not number.startswith("wk_") or number in changes.existing.numbers:
        return None
    work = Work.objects.filter(uid=number).first()
    return work.stands_for_it if work else None


def _number(changes: Changes, work: Work, number: str) -> None:
    if not number or number in changes.existing.numbers:
        return
    changes.existing.numbers.add(number)
    _row, is_new = WorkNumber.objects.get_or_create(
        claimant=changes.claimant, number=number, defaults={"work": work}
    )
    if is_new:
        changes.note_change(work, "number", number)


def _titles(changes: Changes, work: Work, titles: Iterable[TitleClaim], line: int | None) -> None:
    existing = set()
    if case_of(work) not in changes.new or work.pk in changes.rows.titled:
        changes.rows.save()
        existing = {
            (title.kind, folded(title.text)) for title in OtherTitle.objects.filter(work=work)
        }
    for claim in titles:
        text = claim.text.strip()[:500]
        kind = claim.kind
        if kind not in TitleKind.values:
            changes.add_fault(
                line,
                "title",
                claim.kind,
                _("'%(given)s' is not a kind of title.") % {"given": claim.kind},
                is_warning=True,
            )
            kind = TitleKind.ALTERNATIVE
        own = folded(text) == work.title_key and kind != TitleKind.ORIGINAL_SCRIPT
        if not text or own or (kind, folded(text)) in existing:
            continue
        existing.add((kind, folded(text)))
        changes.rows.titled.add(work.pk)
        changes.rows.titles.append(
            OtherTitle(
                work=work,
                text=text,
                kind=kind,
                language=claim.language.strip()[:8],
                claimant=changes.claimant,
            )
        )
        changes.note_change(work, "title", text)


def _link(changes: Changes, work: Work, keys: Iterable[str], line: int | None) -> None:
    uids = {}
    for key in keys:
        if key in changes.recordings:
            uids[changes.recordings[key].pk] = changes.recordings[key].uid
        else:
            changes.add_missing(line, "recording", key)
    linked = changes.rows.linked.get(work.pk)
    if linked is None:
        is_new = case_of(work) in changes.new
        rows = () if is_new else work.recordings.values_list("pk", flat=True)
        linked = changes.rows.linked[work.pk] = set(rows)
    missing = [pk for pk in uids if pk not in linked]
    if missing := changes.without_kept_off(work, missing):
        linked.update(missing)
        changes.rows.links += [
            Work.recordings.through(work_id=work.pk, rightsrecording_id=pk) for pk in missing
        ]
        changes.note_change(work, "recordings", [uids[pk] for pk in missing])
