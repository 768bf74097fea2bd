"""Saves and tests cloud accounts and ties containers to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import base.audit.services
from base.accounts.models import User
from base.common.databases import violates
from base.common.secret_text import seal
from base.jobs.services import bring_forward
from scanning.choices import AudioType, EngineChoice
from scanning.cloud_jobs import CLOUD_SCAN, scans_of
from scanning.engines.acrcloud import Cloud, RemoteContainer
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.errors import IntakeRefused
from scanning.models import CloudAccount, Container, FormSent
from scanning.models.container import whole_file_policy
from scanning.services.containers import update_container


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of testing an account; ``notes`` are sentences, worst first."""

    works: bool
    notes: tuple[str, ...]


def save_account(*, account: CloudAccount, token: str, user: User | None) -> CloudAccount:
    """Save an account; an empty token keeps the stored one."""
    is_new = account.pk is None
    if token:
        # A new token may well end the pause that the old one caused.
        account.token_sealed = seal(token)
        _forget_pause(account)
    if is_new:
        account.created_by = user
    with transaction.atomic():
        account.save()
        if token:
            bring_forward(CLOUD_SCAN, scans_of(account))
        base.audit.services.record(
            case=f"cloud_account:{account.pk}",
            action="cloud_account.created" if is_new else "cloud_account.changed",
            actor=user or base.audit.services.SYSTEM,
            after={
                "name": account.name,
                "base_url": account.base_url,
                "region": account.region,
                "sends": account.sends,
                # The audit trail records that the token changed, never the token.
                "token_changed": bool(token),
            },
        )
    return account


def _forget_pause(account: CloudAccount) -> None:
    account.paused_until = None
    account.pause_code = account.pause_message = ""
    account.pauses = 0


def account_callback_url(account: CloudAccount) -> str:
    """Return the address for results of the account's containers."""
    path = reverse("scanning:account_callback", args=[account.pk, account.callback_secret])
    return f"{settings.ACRPORTAL_BASE_URL}{path}"


def try_account(*, account: CloudAccount) -> Trial:
    """Call the account and compare its containers with ours."""
    try:
        remote = {there.id: there for there in Cloud(account).containers()}
    except CloudFault as fault:
        return Trial(works=False, notes=(explain_fault(fault, account),))
    notes, sent_notes = [], []
    for container in account.containers.present():
        wrong = _compare(container, account, remote)
        if not wrong:
            sent, wrong = _what_is_sent(container, account)
            sent_notes += [sent] if sent else []
        notes += [wrong] if wrong else []
    # Other servers with this protocol may leave the region empty.
    regions = sorted({there.region for there in remote.values() if there.region})
    summary = ngettext(
        "The account answers. It has %(count)s container.",
        "The account answers. It has %(count)s containers.",
        len(remote),
    ) % {"count": len(remote)}
    if regions:
        summary += " " + ngettext("Region: %(regions)s.", "Regions: %(regions)s.", len(regions)) % {
            "regions": ", ".join(regions)
        }
    return Trial(works=not notes, notes=(*notes, summary, *sent_notes))


def explain_fault(fault: CloudFault, account: CloudAccount) -> str:
    """Return what a call that failed says about the account's settings."""
    if fault.kind is FaultKind.UNREACHABLE:
        return _(
            "No usable answer from %(base_url)s: %(said)s. Check the "
            "base address; at ACRCloud it is "
            "https://api-v2.acrcloud.com/api."
        ) % {"base_url": account.base_url, "said": fault.message}
    if fault.kind is FaultKind.CONTAINER:
        return _(
            "ACRCloud says: %(said)s. This base address has no "
            "container API; correct it. It usually ends in /api."
        ) % {"said": fault.message}
    return str(fault)


def _compare(
    container: Container, account: CloudAccount, remote: dict[int, RemoteContainer]
) -> str:
    """Return what is wrong with the container's counterpart in the account, or ""."""
    number = container.cloud_container_id
    there = remote.get(number) if number is not None else None
    # List the token's containers, so that the admin can spot the right one.
    if there is None:
        containers = ", ".join(
            f"{remote_container.id} {remote_container.name}" for remote_container in remote.values()
        )
        return _(
            "%(name)s: this account has no container %(number)s. The token sees: %(listed)s."
        ) % {"name": container.name, "number": number or "–", "listed": containers[:500] or "–"}
    if there.region and there.region != account.region:
        return _(
            "%(name)s: its container %(number)s is in region "
            "%(region)s, but the account says %(region2)s. Correct the "
            "region; otherwise files are refused as 'Invalid "
            "Container'."
        ) % {
            "name": container.name,
            "number": number,
            "region": there.region,
            "region2": account.region,
        }
    return ""


def _what_is_sent(container: Container, account: CloudAccount) -> tuple[str, str]:
    """Return how the container's files are sent, and any problem with that."""
    number = container.cloud_container_id
    if account.sends == FormSent.AUDIO_ALWAYS or number is None:
        return "", ""
    names = {"name": container.name, "number": number}
    try:
        takes = Cloud(account).takes_fingerprints(number)
    except CloudFault as fault:
        return "", explain_fault(fault, account)
    if takes:
        return (
            _("%(name)s: its files are sent to container %(number)s as fingerprints.") % names,
            "",
        )
    if account.sends == FormSent.FINGERPRINT_FIRST:
        return _("%(name)s: its files are sent as audio.") % names, ""
    return "", _(
        "%(name)s: container %(number)s takes no fingerprints of this engine version, "
        "so no file is sent. Update the portals to the same version, or allow audio in "
        "the account."
    ) % names


def adopt_container(
    *,
    account: CloudAccount,
    remote: RemoteContainer,
    user: User | None,
    container: Container | None = None,
    set_callback: bool = True,
) -> Container:
    """Tie a container of the account to ours, or to a new one with its name.

    Raise ``CloudFault`` and change nothing here if the callback address cannot be set.
    """
    if set_callback:
        # Call the cloud first: if it refuses, nothing here has changed.
        Cloud(account).set_callback(remote.id, account_callback_url(account))
    adopted = container or Container(
        name=remote.name,
        engine=EngineChoice.ACRCLOUD,
        created_by=user,
        region=remote.region or account.region,
        audio_type=(
            remote.audio_type if remote.audio_type in AudioType.values else AudioType.LINE_IN
        ),
        policy=remote.policy or whole_file_policy(),
    )
    return _tie(adopted, account, remote, user)


def mirror_container(
    *, account: CloudAccount, container: Container, buckets: Sequence[int | str], user: User | None
) -> Container:
    """Create a counterpart of our container in the account, with the cloud's buckets."""
    remote = Cloud(account).create_container(
        container, buckets=buckets, callback_url=account_callback_url(account)
    )
    return _tie(container, account, remote, user)


def _tie(
    container: Container, account: CloudAccount, remote: RemoteContainer, user: User | None
) -> Container:
    container.cloud_account, container.cloud_container_id = account, remote.id
    try:
        with transaction.atomic():
            container.save()
            base.audit.services.record(
                case=f"container:{container.pk}",
                action="container.tied_to_cloud",
                actor=user or base.audit.services.SYSTEM,
                after={"account": account.name, "cloud_container": remote.id},
            )
    except IntegrityError as error:
        # Two admins may adopt the same container at the same moment.
        if not violates(error, Container, "container_cloud_once"):
            raise
        raise IntakeRefused(
            "cloud_container_taken",
            _("Another container is already connected to %(id)s %(name)s.")
            % {"id": remote.id, "name": remote.name},
            status=409,
        ) from error
    return container


def set_terms(
    *, container: Container, engine: str, cap_hours: int | None, user: User | None
) -> None:
    """Set the container's engine and its monthly limit for the cloud."""
    update_container(
        container=container, columns={"engine": engine, "cloud_cap_hours": cap_hours}, user=user
    )


def retry_now(*, account: CloudAccount) -> int:
    """End a pause and let all waiting scans go on; return how many."""
    _forget_pause(account)
    with transaction.atomic():
        account.save(update_fields=["paused_until", "pause_code", "pause_message", "pauses"])
        return bring_forward(CLOUD_SCAN, scans_of(account))
