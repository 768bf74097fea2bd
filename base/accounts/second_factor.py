"""Makes people set up a second factor if one of their groups requires it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models import Model, Q
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from base.accounts.models import AccessLimit, User
from base.accounts.sessions import end_all_sessions
from base.common.api_errors import error_body

_MUST_SET_UP = "must_set_up_second_factor"
# Pages that stay open until then: setting up the factor, and styles.
_FREE = ("/accounts/", "/static/")


def listen() -> None:
    """Connect to what can leave a signed-in person without a required second factor."""
    post_delete.connect(_factor_removed, sender=Authenticator, dispatch_uid="accounts")
    post_save.connect(_rule_changed, sender=AccessLimit, dispatch_uid="accounts")
    m2m_changed.connect(_groups_changed, sender=User.groups.through, dispatch_uid="accounts")


def must_set_up(person: User) -> bool:
    """Tell whether a group of the person requires a second factor that is missing."""
    by_role = Q(name__in=settings.ACRPORTAL_SECOND_FACTOR_ROLES)
    asking = person.groups.filter(by_role | Q(limit__second_factor=True))
    return asking.exists() and not is_mfa_enabled(person)


def note_at_sign_in(request: HttpRequest, user: User, **_signal: object) -> None:
    """Mark the session if the person must still set up a second factor."""
    if must_set_up(user):
        request.session[_MUST_SET_UP] = True


def remove_second_factors(person: User) -> int:
    """Remove all second factors of a person who lost them; return how many.

    Only the password protects the account then, so all its sessions end too.
    """
    factors = Authenticator.objects.filter(user=person)
    count: int = factors.count()
    factors.delete()
    end_all_sessions(person)
    return count


def _factor_removed(instance: Authenticator, **_signal: object) -> None:
    _mark_sessions([instance.user])


def _rule_changed(instance: AccessLimit, **_signal: object) -> None:
    if instance.second_factor:
        _mark_sessions(User.objects.filter(groups=instance.group_id))


def _groups_changed(
    instance: Model, action: str, reverse: bool, pk_set: set[int] | None, **_signal: object
) -> None:
    if action == "post_add":
        keys = (pk_set or set()) if reverse else {instance.pk}
        people = User.objects.filter(pk__in=keys)
        _mark_sessions(people)


def _mark_sessions(people: Iterable[User]) -> None:
    """Mark the open sessions of those who must set up a second factor now."""
    request = context.request
    for person in people:
        if not must_set_up(person):
            continue
        # The session of this request is written at its end, over its row.
        if request is not None and request.user == person:
            request.session[_MUST_SET_UP] = True
        keys = UserSession.objects.filter(user=person).values("session_key")
        for row in Session.objects.filter(session_key__in=keys):
            data = SessionStore().encode({**row.get_decoded(), _MUST_SET_UP: True})
            Session.objects.filter(pk=row.pk).update(session_data=data)


def require_second_factor(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Redirect people who still need a second factor to the page that sets one up."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.session.get(_MUST_SET_UP) or request.path.startswith(_FREE):
            return get_response(request)
        # The person has just set one up, or no longer needs to.
        if not must_set_up(request.user):  # type: ignore[arg-type]  # marked sessions have a user
            del request.session[_MUST_SET_UP]
            return get_response(request)
        text = _("Your role needs a second factor. Set one up to continue.")
        if request.path.startswith("/api/"):
            return JsonResponse(error_body("second_factor", text), status=403)
        messages.warning(request, text)
        return redirect("mfa_index")

    return middleware
