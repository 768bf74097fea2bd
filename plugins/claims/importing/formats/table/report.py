"""``platform-claims/1``: our own table, because other platforms' files are not public.

People map the columns of other tables to its own. Its words are documented, so nobody
explains them.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from base.common.territories import WORLD, territories_in, territory_code
from catalogue.identifiers import check_isrc
from imports.errors import RowFault
from imports.mapping import Targets
from imports.names import by_name
from plugins.claims.choices import OWN_DETAILS, Platform, ReportKind
from plugins.claims.finding.claims import ACTIVE, PENDING
from plugins.claims.finding.facts import INACTIVE
from plugins.claims.finding.grounds import EVERYWHERE
from plugins.claims.importing.reports import (
    Report,
    ReportedColumn,
    Values,
    count,
    day,
    identifier,
    register,
    text_of,
)
from scanning.sources.link_keys import link_key

_STATUSES: Final = (ACTIVE, INACTIVE, PENDING)
_POLICIES: Final = {
    "": "",
    "monetize": "claim_monetises",
    "track": "claim_tracks",
    "block": "claim_blocks",
}
_LONGEST: Final = 2_000
_POLICY_CELLS: Final = ("monetises", "tracks", "blocks")
_LABELS: Final = {
    "claim_id": gettext_lazy("Id of the claim"),
    "platform": gettext_lazy("Platform"),
    "video_url": gettext_lazy("Link of the video"),
    "status": gettext_lazy("Status"),
    "isrc": gettext_lazy("ISRC"),
    "custom_id": gettext_lazy("Own id"),
    "account": gettext_lazy("Account of the video"),
    "views": gettext_lazy("Views"),
    "claimed_on": gettext_lazy("Day of the claim"),
    "disputed_on": gettext_lazy("Day of the dispute"),
    "kind": gettext_lazy("Dispute or appeal"),
    "other_claimant": gettext_lazy("Other claimant"),
    "policy": pgettext_lazy("platform", "Policy"),
    "territories": gettext_lazy("Territories"),
}
_COMMON_NAMES: Final = {
    "claim_id": "claim, claim number, claim no, claim reference",
    "platform": "service, site",
    "video_url": "url, link, video link, post url, post link, track url, permalink",
    "status": "claim status, state, claim state",
    "isrc": "isrc code, isrc number, code isrc, código isrc",
    "custom_id": "own id, our id, internal id, asset custom id, reference, catalog number",
    "account": "channel, uploader, user, username, profile, page, creator",
    "views": "view count, plays, play count, video views, streams",
    "claimed_on": "claimed, claim date, claim created, created, created at, date",
    "disputed_on": "disputed, dispute date, disputed at",
    "kind": "dispute kind, dispute type, dispute status",
    "other_claimant": "other owner, conflicting owner, also claimed by, claimed by",
    "policy": "claim policy, match policy, action, match action",
    "territories": "territory, country, countries, claim territories",
}
TARGETS: Final = Targets(
    labels=_LABELS,
    required=("claim_id", "video_url", "status"),
    # Our own names go before common ones.
    names=(by_name({name: name for name in _LABELS}), by_name(_COMMON_NAMES)),
)


def _address(text: str) -> str:
    parts = urlsplit(text)
    is_web = parts.scheme in ("http", "https") and parts.hostname
    # Reading a bad port raises ValueError.
    if not is_web or parts.port == 0 or len(text) > _LONGEST:
        raise ValueError(_("A web address is needed, such as https://…"))
    return text


def _status(text: str) -> str:
    if text.upper() not in _STATUSES:
        raise ValueError(_("One of these is needed: active, inactive, pending."))
    return text.upper()


def _kind(text: str) -> str:
    if text and text.lower() not in OWN_DETAILS:
        raise ValueError(_("One of these is needed, or nothing: dispute, appeal."))
    return text.lower()


def _policy(text: str) -> str:
    if text.lower() not in _POLICIES:
        raise ValueError(_("One of these is needed, or nothing: monetize, track, block."))
    return text.lower()


def _territories(text: str) -> str:
    """Read countries by codes or names; empty is everywhere."""
    included, excluded = territories_in(text)
    named = {
        part: EVERYWHERE if part.upper() == EVERYWHERE else territory_code(part)
        for part in included
    }
    if unknown := sorted([part for part, code in named.items() if not code] + excluded):
        raise ValueError(
            _("Not a country's code: %(codes)s.") % {"codes": ", ".join(unknown)[:100]}
        )
    codes = set(named.values())
    is_world = not codes or codes & {EVERYWHERE, WORLD}
    return EVERYWHERE if is_world else "|".join(sorted(codes))


def _finish(values: Values) -> None:
    """Name the asset by what identifies the recording, and put the policy in its cell."""
    isrc = check_isrc(values["asset_isrc"]).normalised
    values["asset_id"] = next(
        f"{name}:{value}"[:64]
        for name, value in (
            ("own", values["asset_custom_id"]),
            ("isrc", isrc),
            ("claim", values["claim_id"]),
        )
        if value
    )
    values["link_key"] = values["video_id"] = link_key(values["address"])
    values["title"] = values["address"][:500]
    values["asset_title"] = ""
    policy, territories = values.pop("policy"), values.pop("territories")
    for whose in ("claim", "asset"):
        values |= {f"{whose}_{cell}": "" for cell in _POLICY_CELLS}
    if policy:
        values[_POLICIES[policy]] = territories
    if values["status_detail"] == "" and values["dispute_reported_on"]:
        raise RowFault("kind", "", _("A row with a day of a dispute needs its kind as well."))


TABLE: Final = register(
    Report(
        ReportKind.CLAIMS,
        frozenset(TARGETS.required),
        (
            ReportedColumn("claim_id", "claim_id", identifier),
            ReportedColumn("platform", "platform", str.lower),
            ReportedColumn("video_url", "address", _address),
            ReportedColumn("status", "status", _status),
            ReportedColumn("isrc", "asset_isrc", text_of(40)),
            ReportedColumn("custom_id", "asset_custom_id", text_of(200)),
            ReportedColumn("account", "channel", text_of(300)),
            ReportedColumn("views", "views", count),
            ReportedColumn("claimed_on", "claimed_on", day),
            ReportedColumn("disputed_on", "dispute_reported_on", day),
            ReportedColumn("kind", "status_detail", _kind),
            ReportedColumn("other_claimant", "other_claimant", text_of(200)),
            ReportedColumn("policy", "policy", _policy),
            ReportedColumn("territories", "territories", _territories),
        ),
        platforms=frozenset(Platform) - {Platform.YOUTUBE},
        finish=_finish,
        targets=TARGETS,
    )
)
