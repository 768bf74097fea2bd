"""Signs a notice: a number, and a document that never changes again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.databases import violates
from base.common.storage import StoredFile, delete_files, keep_file, kept_only_if_done
from plugins.notices.checks import items_of
from plugins.notices.content import content_of, digest_of_document, facts_of
from plugins.notices.errors import NoticeRefused
from plugins.notices.models import NOTICE, NoticeLaw, NoticeState, TakedownNotice
from plugins.notices.notice_text import ACCURACY, GOOD_FAITH, as_text, typed_as_asked
from plugins.notices.steps import (
    NoticeStep,
    change,
    locked,
    record_step,
    refuse_incomplete,
    refuse_unfit,
    require,
)
from reports.evidence.selectors import current_packs
from reports.evidence.statement import hand_over
from review import approval
from statements.choices import StatementState
from statements.services import issue

_TRIES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a person types to sign: both consents and their name."""

    good_faith: str
    accuracy: str
    signature: str


def why_not_sign(notice: TakedownNotice, user: User) -> str:
    """Return why this person may not sign the notice; empty if they may."""
    if not user.has_perm(Action.APPROVE):
        return _("Only a manager may sign a notice.")
    second = any(item.match.needs_approval for item in items_of(notice))
    if not second:
        return ""
    if why := approval.why_no_second_person(user):
        return why
    if notice.prepared_by_id != user.pk:
        return ""
    if approval.may_approve_own(user):
        return ""
    return _(
        "You prepared this notice, and a policy asks for a second person for one of its "
        "matches. Ask another manager to sign it."
    )


def sign(
    *,
    notice: TakedownNotice,
    version: int,
    signing: Signing,
    user: User,
    read: str | None = None,
) -> TakedownNotice:
    """Sign a reviewed notice: number it, and keep its text and PDF for good.

    ``read`` is the digest of the document that the person read; programs give none.
    Raises ``NoticeRefused`` with ``fields`` for words that were not typed as asked, and
    for matches that no notice may name any more or that lack evidence.
    """
    require(user, Action.APPROVE)
    _refuse_untyped(signing, NoticeLaw(notice.law))
    signed_at = datetime.now(tz=UTC).replace(microsecond=0)
    while True:
        # Drawing takes long, so the content is found first and found again below.
        with transaction.atomic():
            row = _signed_row(notice, version, signing, user, signed_at, read)
            transaction.set_rollback(True)
        with kept_only_if_done() as names:
            document = _draw(row)
            names.append(document.name)
            with transaction.atomic():
                drawn = row
                row = _signed_row(notice, version, signing, user, signed_at, read)
                if row.content == drawn.content:
                    _seal(row, document, user)
                    return row
            # Somebody else took the number, or a fact has changed.
            delete_files(names)


def _signed_row(
    notice: TakedownNotice,
    version: int,
    signing: Signing,
    user: User,
    signed_at: datetime,
    read: str | None,
) -> TakedownNotice:
    """Return the notice as it is when signed, locked; only its state is not saved."""
    row = locked(notice, version, NoticeState.REVIEW)
    if why := why_not_sign(row, user):
        raise NoticeRefused("second_person", why)
    refuse_incomplete(row)
    refuse_unfit(row)
    if read is not None and read != digest_of_document(row):
        raise NoticeRefused(
            "stale",
            _(
                "The document says something else than when you opened it. Reload this page, "
                "and read it again."
            ),
        )
    _complete_items(row)
    is_us = row.law == NoticeLaw.US_512C
    row.good_faith = signing.good_faith.strip()
    row.accuracy = signing.accuracy.strip() if is_us else ""
    row.signature = signing.signature.strip()
    row.signed_by = user
    row.signed_at = signed_at
    _number(row)
    row.content = content_of(row)
    return row


def _refuse_untyped(signing: Signing, law: NoticeLaw) -> None:
    required = {"good_faith": GOOD_FAITH}
    if law == NoticeLaw.US_512C:
        required["accuracy"] = ACCURACY
    wrong = {
        name: _("Type these words: %(words)s") % {"words": words}
        for name, words in required.items()
        if not typed_as_asked(getattr(signing, name), words)
    }
    if not signing.signature.strip():
        wrong["signature"] = _("Sign with your full name.")
    if wrong:
        raise NoticeRefused("not_typed", " ".join(wrong.values()), fields=wrong)


def _complete_items(notice: TakedownNotice) -> None:
    """Tie each match to its address and its current evidence pack; raise while one is missing."""
    items = items_of(notice)
    packs = current_packs(item.match_id for item in items)
    lacking = [str(item.match) for item in items if item.match_id not in packs]
    if lacking:
        raise NoticeRefused(
            "no_evidence",
            _(
                "There is no current evidence pack for: %(matches)s. Build it on "
                "the notice's page, then sign."
            )
            % {"matches": ", ".join(lacking)},
        )
    for item in items:
        item.pack = packs[item.match_id]
        item.url = item.match.scanned_file.source_url
        item.save(update_fields=["pack", "url"])


def _number(row: TakedownNotice) -> None:
    """Give the notice the next number of its year.

    Two people who sign at once compete for a number: the database refuses the second,
    who waits for the first and takes the next. A refused signature leaves no gap.
    """
    assert row.signed_at is not None  # noqa: S101 - the caller has set it
    year = row.signed_at.year
    for attempt in range(_TRIES):
        last = TakedownNotice.objects.filter(year=year).aggregate(last=Max("number"))
        number = (last["last"] or 0) + 1
        try:
            with transaction.atomic():
                TakedownNotice.objects.filter(pk=row.pk).update(year=year, number=number)
        except IntegrityError as error:
            is_taken = violates(error, TakedownNotice, "notice_number_once_a_year")
            if not is_taken or attempt == _TRIES - 1:
                raise
            continue
        row.year, row.number = year, number
        return


def _draw(row: TakedownNotice) -> StoredFile:
    """Draw the document from its facts and store it."""
    # Imported late: the PDF libraries take half a second, and few processes need them.
    from plugins.notices.drawing import pdf_of

    assert row.signed_at is not None  # noqa: S101 - as in ``_number``
    pdf = pdf_of(row.content, made_at=row.signed_at)
    return keep_file(ContentFile(pdf), f"notices/{row.uid}.pdf")


def _seal(row: TakedownNotice, document: StoredFile, user: User) -> None:
    """Keep the text and the document for good."""
    row.text = as_text(row.content)
    row.text_sha256 = hashlib.sha256(row.text.encode()).hexdigest()
    row.pdf_sha256 = document.sha256
    change(row, {"pdf": document.name, "state": NoticeState.SIGNED})
    record_step(
        row,
        NoticeStep.SIGNED,
        user,
        {
            "state": row.state,
            "number": row.reference,
            "text_sha256": row.text_sha256,
            "pdf_sha256": row.pdf_sha256,
            "evidence": [item["pack"]["sha256"] for item in row.content["items"]],
        },
    )
    issue(
        kind=NOTICE,
        subject=row.uid,
        name=row.reference,
        facts=facts_of(row),
        user=user,
        state=StatementState.APPROVED,
    )
    for item in items_of(row):
        if item.pack is not None:
            hand_over(pack=item.pack, user=user, state=StatementState.APPROVED)
