"""The text of a notice, in English: the elements that the law requires, in order.

The page, the plain text and the PDF are made from the same blocks. The statements
follow the statutes word for word; they are not legal advice.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from base.accounts.deciders import Decider
from plugins.notices.models import ClaimedRight, NoticeLaw

_WIDTH: Final = 78

GOOD_FAITH: Final = "I believe this in good faith"
"""What the signer types under the statement of good faith."""
ACCURACY: Final = "I declare this under penalty of perjury"
"""What the signer types under the statement of accuracy and authority."""

STATEMENTS: Final[Mapping[NoticeLaw, Mapping[str, str]]] = {
    # 17 USC 512(c)(3)(A)(v) and (vi).
    NoticeLaw.US_512C: {
        "good_faith": (
            "I have a good faith belief that use of the material in the manner "
            "complained of is not authorized by the copyright owner, its agent, or the "
            "law."
        ),
        "accuracy": (
            "The information in this notification is accurate, and under penalty of "
            "perjury, I am authorized to act on behalf of the owner of an exclusive "
            "right that is allegedly infringed."
        ),
    },
    # Regulation (EU) 2022/2065, Article 16(2)(d).
    NoticeLaw.EU_DSA16: {
        "good_faith": (
            "I have a bona fide belief that the information and allegations contained "
            "in this notice are accurate and complete."
        )
    },
}
_TITLES: Final = {
    NoticeLaw.US_512C: "Notification of claimed infringement",
    NoticeLaw.EU_DSA16: "Notice of illegal content",
}
_UNDER: Final = {
    NoticeLaw.US_512C: "Under 17 U.S.C. 512(c)(3)",
    NoticeLaw.EU_DSA16: "Under Article 16 of Regulation (EU) 2022/2065",
}
_CLAIMED: Final = {ClaimedRight.RECORDING: "sound recording", ClaimedRight.WORK: "musical work"}


_DECIDERS: Final = {
    Decider.PERSON: "a person",
    Decider.PROGRAM: "a program",
    Decider.POLICY: "a policy",
    Decider.LICENCE: "a licence",
    Decider.SYSTEM: "the portal",
}


@dataclass(frozen=True, slots=True)
class NoticeBlock:
    """A heading and its paragraphs; an empty heading continues the block before."""

    heading: str
    paragraphs: Sequence[str]


Content = Mapping[str, Any]
"""The facts of a notice as ``content.content_of`` returns them. Any: JSON."""


def title_of(content: Content) -> str:
    """Return the title of the document."""
    return _TITLES[NoticeLaw(content["law"])]


def head_of(content: Content) -> list[str]:
    """Return the lines below the title: law, number, day."""
    number = content["number"]
    return [
        _UNDER[NoticeLaw(content["law"])],
        f"Notice {number}" if number else "Draft: not signed, do not send",
        f"Signed on {_day(content['signed_at'][:10])}" if content["signed_at"] else "",
    ]


def blocks_of(content: Content) -> list[NoticeBlock]:
    """Return everything below the head, in the order of the law's elements."""
    law = NoticeLaw(content["law"])
    reasons = _paragraphs(content["reasons"])
    why = "Why the use infringes" if law == NoticeLaw.US_512C else "Why the content is illegal"
    claimed = _CLAIMED[ClaimedRight(content["right"])]
    owner = content["owner"] or "–"
    return [
        NoticeBlock("To", _filled(content["recipient"], content["recipient_contact"])),
        NoticeBlock(
            "Right claimed",
            [f"Copyright in the {claimed} named below. Owner of the right: {owner}."],
        ),
        *_items(content),
        NoticeBlock(why, reasons),
        NoticeBlock("Fair use, quotation and other exceptions", _paragraphs(content["fair_use"])),
        NoticeBlock("Contact", _contact(content["contact"])),
        NoticeBlock("Statements", [*_statements(content)]),
        NoticeBlock("Signature", _signature(content)),
        NoticeBlock("Evidence", _evidence(content)),
    ]


def as_text(content: Content) -> str:
    """Return the notice as plain text, at most 78 columns but for long addresses."""
    parts = [title_of(content), *filter(None, head_of(content))]
    for block in blocks_of(content):
        if block.heading:
            parts += ["", block.heading, "-" * len(block.heading)]
        else:
            parts.append("")
        parts += [
            textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)
            for paragraph in block.paragraphs
        ]
    return "\n".join(parts) + "\n"


def typed_as_asked(typed: str, required: str) -> bool:
    """Tell whether somebody typed the words, ignoring case, blanks and a full stop."""
    return " ".join(typed.split()).rstrip(".").casefold() == required.casefold()


def _paragraphs(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()] or ["–"]


def _filled(*texts: str) -> list[str]:
    return [text for text in texts if text] or ["–"]


def _items(content: Content) -> Iterator[NoticeBlock]:
    for number, item in enumerate(content["items"], start=1):
        times = ", ".join(f"{begin}-{end}" for begin, end in item["times"])
        yield NoticeBlock(
            f"Work and material {number} of {len(content['items'])}",
            [
                f"Work: {_work(item)}",
                f"Address: {item['url']}",
                *([f"Account: {item['account']}"] if item["account"] else []),
                f"Heard at (hh:mm:ss from the start): {times}",
                f"How it was found: {_describe_item(item)}",
                *(f"Rights: {line}" for line in item["owners"]),
            ],
        )


def _work(item: Mapping[str, Any]) -> str:  # Any: JSON
    names = [
        item["title"],
        f"by {item['artists']}" if item["artists"] else "",
        f"written by {item['writers']}" if item["writers"] else "",
        f"ISRC {item['isrc']}" if item["isrc"] else "",
        f"ISWC {item['iswc']}" if item["iswc"] else "",
        item["label"],
    ]
    return ", ".join(filter(None, names))


def _describe_item(item: Mapping[str, Any]) -> str:  # Any: JSON
    seconds = item["matched_s"]
    length = "1 second" if seconds == 1 else f"{seconds} seconds"
    return (
        f"audio fingerprinting matched {length} of the recording; "
        f"{_DECIDERS[Decider(item['decided_by'])]} confirmed the match on "
        f"{_day(item['decided_on'])} (match {item['match']})."
    )


def _contact(contact: Mapping[str, str]) -> list[str]:
    address = ", ".join(line.strip() for line in contact["address"].splitlines())
    return _filled(
        contact["name"],
        address,
        f"Telephone {contact['phone']}" if contact["phone"] else "",
        f"Email {contact['email']}" if contact["email"] else "",
    )


def _statements(content: Content) -> Iterator[str]:
    for name, statement in STATEMENTS[NoticeLaw(content["law"])].items():
        typed = content["typed"].get(name, "")
        yield f"{statement} [{typed}]" if typed else statement


def _signature(content: Content) -> list[str]:
    if not content["signature"]:
        return ["–"]
    at = datetime.fromisoformat(content["signed_at"]).astimezone(UTC)
    signer = content["signed_by"]
    account = f"account {signer['username']}"
    person = f"{signer['name']} ({account})" if signer["name"] else f"the {account}"
    signed = f"Signed by {person} on {_day(at.date().isoformat())}"
    return [f"/{content['signature']}/", f"{signed} at {at:%H:%M:%S} UTC"]


def _day(written: str) -> str:
    """Return an ISO date as people write it: 4 May 2026."""
    if not written:
        return "–"
    day = date.fromisoformat(written)
    return f"{day.day} {day:%B %Y}"


def _evidence(content: Content) -> list[str]:
    lines = [
        f"{item['pack']['file']}: SHA-256 {item['pack']['sha256']}"
        for item in content["items"]
        if item["pack"]
    ]
    if not lines:
        return ["–"]
    return [
        "Each match has a sealed archive with excerpts of both sounds, pictures, figures "
        "and decisions:",
        *lines,
    ]
