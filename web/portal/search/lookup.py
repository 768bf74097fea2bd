"""Finds recordings, files, matches, rules, people, pages and verbs for one text.

Whole codes, ids and links are looked up first and come first; names that contain the
text follow. Each kind asks for a few rows and counts nothing, so that a search stays
quick in a large installation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.accounts.services import deciders
from catalogue.models import Bucket, Recording
from catalogue.selectors import artists_hold
from imports.kinds import all_kinds
from review.choices import MatchState
from review.models import Licence, Match, Policy
from review.models.licence import NUMBER_PREFIX
from review.selectors import of_ids
from scanning import selectors
from scanning.models import Container, ScannedFile
from scanning.sources.link_keys import link_key
from web.portal.shared import guides, menu
from web.portal.shared.menu import PageLink
from web.portal.shared.searching import Hit, SearchText, either, marked, search_kinds
from web.portal.shared.selectors import is_uuid

IN_PALETTE = 6
ON_PAGE = 30
_HIDDEN = (MatchState.SUPPRESSED,)


@dataclass(frozen=True, slots=True)
class HitGroup:
    """The hits of one kind."""

    kind: str
    label: str
    icon: str
    hits: list[Hit]


def find(*, text: str, user: User, limit: int = IN_PALETTE) -> list[HitGroup]:
    """Return the matching objects and actions that the person may use, by kind.

    Without a text only pages and verbs are returned.
    """
    search = SearchText(" ".join(text.split())[:300], limit)
    groups = list(_rows(search, user)) if search.text else []
    imports = (PageLink(kind.title, kind.form_page, kind.action) for kind in all_kinds())
    pages = (*(entry.link for entry in menu.entries), *menu.pages)
    groups += [
        _group("pages", _("Pages"), "layers", _places(pages, search, user)),
        _group("verbs", _("Actions"), "next", _places((*menu.verbs, *imports), search, user)),
        _group("guides", _("Guides"), "help", _guides(search)),
    ]
    return [group for group in groups if group.hits]


def _group(kind: str, label: str, icon: str, hits: Iterable[Hit]) -> HitGroup:
    return HitGroup(kind, label, icon, list(hits))


def _rows(search: SearchText, user: User) -> Iterator[HitGroup]:
    recordings, files = _recordings(search), _files(search)
    matches = _matches(search, recordings, files)
    hits = [
        Hit(
            marked(recording.full_title, search.text),
            reverse("portal:recording_detail", args=[recording.uid]),
            _join_parts(recording.artist_names, recording.isrc, recording.bucket.name),
            end=recording.state_label,
        )
        for recording in recordings
    ]
    yield _group("recordings", _("Recordings"), "catalogue", hits)
    hits = [_file_hit(file, search) for file in files]
    yield _group("files", _("Files"), "file", hits)
    hits = [_match_hit(match, search) for match in matches]
    yield _group("matches", _("Matches"), "matches", hits)
    yield _group("containers", _("Containers"), "container", _containers(search, user))
    hits = [
        Hit(marked(bucket.name, search.text), reverse("portal:bucket_detail", args=[bucket.pk]))
        for bucket in _find_by_number(Bucket.objects.present(), search)
    ]
    yield _group("buckets", _("Buckets"), "bucket", hits)
    yield _group("licences", _("Licences"), "shield", _licences(search, user))
    yield _group("policies", _("Policies"), "policies", _policies(search, user))
    for kind in search_kinds:
        hits_of_kind = kind.find(search, user)
        yield _group(kind.key, str(kind.label), kind.icon, hits_of_kind)
    yield _group("people", _("People"), "user", _people(search, user))


def _recordings(search: SearchText) -> list[Recording]:
    rows = Recording.objects.filter(merged_into__isnull=True).select_related("bucket")
    exact = Q(uid__in=search.ids) | Q(acr_id__in=search.ids) | Q(custom_id=search.text)
    if 5 <= len(search.code) <= 40:
        exact |= Q(isrc_normalised=search.code)
    named = Q(title__icontains=search.text) | artists_hold(search.text)
    return either(rows.order_by("title", "pk"), exact, named, search)


def _files(search: SearchText) -> list[ScannedFile]:
    rows = selectors.files().order_by("-pk")
    exact = Q(uid__in=[uid for uid in search.ids if is_uuid(uid)])
    exact |= Q(name=search.name)
    if search.link:
        exact |= Q(link_key=link_key(search.link))
    if re.fullmatch(r"[0-9a-fA-F]{64}", search.text):
        exact |= Q(sha256=search.text.lower())
    named = (
        Q(name__icontains=search.name)
        | Q(programme__icontains=search.text)
        | Q(external_id=search.text)
    )
    return either(rows, exact, named, search)


def _matches(
    search: SearchText, recordings: list[Recording], files: list[ScannedFile]
) -> list[Match]:
    """Return the match with this id, or the newest matches found by name."""
    rows = Match.objects.select_related("recording", "scanned_file").order_by("-pk")
    by_id = list(rows.filter(of_ids(search.ids))[: search.limit])
    if by_id or not (recordings or files):
        return by_id
    of_them = Q(recording__in=recordings) | Q(scanned_file__in=files)
    present = rows.filter(of_them, scanned_file__deleted_at__isnull=True)
    return list(present.exclude(state__in=_HIDDEN)[: search.limit])


def _join_parts(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _file_hit(file: ScannedFile, search: SearchText) -> Hit:
    return Hit(
        marked(file.name, search.name),
        reverse("portal:file_detail", args=[file.uid]),
        _join_parts(file.programme, file.container.name),
        state=file.status,
        looks="file",
    )


def _match_hit(match: Match, search: SearchText) -> Hit:
    title = _("%(recording)s in %(file)s") % {
        "recording": match.recording.full_title,
        "file": match.scanned_file.name,
    }
    return Hit(marked(title, search.name), match.review_url, state=match.state, looks="match")


def _find_by_number(
    rows: QuerySet[Any], search: SearchText
) -> list[Any]:  # Any: containers or buckets
    """Return the row whose number was typed or stands in a pasted address, or by name."""
    numbers = [number for number in search.ids if re.fullmatch(r"[0-9]{1,15}", number)]
    named = Q(name__icontains=search.text)
    return either(rows.order_by("name"), Q(pk__in=numbers), named, search)


def _containers(search: SearchText, user: User) -> Iterator[Hit]:
    name = "portal:container_edit" if user.has_perm(Action.CONFIGURE) else ""
    for container in _find_by_number(Container.objects.present(), search):
        list_address = f"{reverse('portal:file_list')}?container={container.pk}"
        url = reverse(name, args=[container.pk]) if name else list_address
        yield Hit(marked(container.name, search.text), url)


def _licences(search: SearchText, user: User) -> Iterator[Hit]:
    number = search.text.upper().removeprefix(NUMBER_PREFIX)
    by_number = Q(pk=int(number)) if re.fullmatch(r"\d{1,15}", number) else Q(pk=None)
    rows = Licence.objects.filter(Q(holder__icontains=search.text) | by_number)
    for licence in rows.order_by("-pk")[: search.limit]:
        # Only managers open a licence; others see it in the list.
        list_address = f"{reverse('portal:licence_list')}?q={licence.number}"
        url = licence.url if user.has_perm(Action.APPROVE) else list_address
        yield Hit(marked(licence.holder, search.text), url, licence.number)


def _policies(search: SearchText, user: User) -> Iterator[Hit]:
    named = Policy.objects.filter(name__icontains=search.text)
    for policy in named.order_by("name")[: search.limit]:
        url = policy.url if user.has_perm(Action.APPROVE) else reverse("portal:policy_list")
        yield Hit(marked(policy.name, search.text), url, policy.get_action_display())


def _people(search: SearchText, user: User) -> Iterator[Hit]:
    """Yield accounts for admins, and for others the matches of those who decide."""
    named = Q(username__icontains=search.text)
    if user.has_perm(Action.CONFIGURE):
        named |= Q(email__icontains=search.text)
        for decider in User.objects.filter(named).order_by("username")[: search.limit]:
            url = reverse("admin:accounts_user_change", args=[decider.pk])
            yield Hit(marked(decider.get_username(), search.text), url, decider.email)
        return
    for decider in deciders().filter(named)[: search.limit]:
        query = urlencode({"assignee": decider.get_username()})
        yield Hit(
            marked(decider.get_username(), search.text),
            f"{reverse('portal:queue')}?{query}",
            _("Matches assigned to this person"),
        )


def _places(links: Iterable[PageLink], search: SearchText, user: User) -> Iterator[Hit]:
    """Yield the pages that the person may open and whose name has all words."""
    words = search.text.casefold().split()
    for link in links:
        label = str(link.label)
        if all(word in label.casefold() for word in words) and link.is_open_to(user):
            yield Hit(marked(label, search.text), link.url)


def _guides(search: SearchText) -> Iterator[Hit]:
    """Yield the guides and their parts whose headings have all words."""
    for heading in islice(guides.find_headings(search.text), search.limit):
        within = heading.title if heading.anchor else ""
        yield Hit(marked(heading.text, search.text), heading.url, within)
