"""Session limits, the session list, and signing people out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from allauth.usersessions.adapter import DefaultUserSessionsAdapter, get_adapter
from allauth.usersessions.forms import ManageUserSessionsForm
from allauth.usersessions.internal import flows
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.accounts.models import User
from base.accounts.reach import person_at_work
from base.accounts.services import account_changed

_BEGUN, _SEEN = "session_begun_at", "session_seen_at"
# Record activity at most this often per idle limit, to spare the database writes.
_STEPS = 24


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]  # the library is not typed
    """Adds ended sessions to the audit trail."""

    def end_sessions(self, sessions: Sequence[UserSession]) -> None:
        """End sessions, and send one event per owner."""
        # Read the actor first: people who end their own session are anonymous
        # afterwards.
        actor = person_at_work() or "system"
        counts = Counter(session.user_id for session in sessions)
        super().end_sessions(sessions)
        for owner, count in counts.items():
            account_changed.send(
                sender=User,
                case=f"user:{owner}",
                action="sessions.ended",
                actor=actor,
                after={"count": count},
            )


class SessionsForm(ManageUserSessionsForm):  # type: ignore[misc]  # as above
    """Ends the session whose button was pressed, or all others without a choice."""

    session = forms.ModelChoiceField(
        UserSession.objects.none(), required=False, label=gettext_lazy("Session")
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        own = UserSession.objects.filter(user_id=self.request.user.pk)
        self.fields["session"].queryset = own

    def save(self, request: HttpRequest) -> None:
        """End the chosen session."""
        chosen = self.cleaned_data["session"]
        if chosen is None:
            super().save(request)
        else:
            flows.sessions.end_sessions(request, [chosen])


def end_all_sessions(person: User) -> int:
    """Sign a person out everywhere; return how many sessions ended."""
    sessions = UserSession.objects.purge_and_list(person)
    get_adapter().end_sessions(sessions)
    return len(sessions)


def begin_session(request: HttpRequest | None = None, **_signal: object) -> None:
    """Store the time of sign-in in the session."""
    if request is not None:
        request.session[_BEGUN] = request.session[_SEEN] = int(time.time())


def limit_sessions(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Sign people out after the idle limit, and at a fixed age of the session."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            if _is_over(request):
                logout(request)
                # Programs cannot read the message, and it would stay in the session.
                if not request.path.startswith("/api/"):
                    messages.info(request, _("Your session has ended. Sign in again to continue."))
            elif _is_activity(request):
                _note_activity(request)
        return get_response(request)

    return middleware


def _is_over(request: HttpRequest) -> bool:
    now = time.time()
    idle = settings.ACRPORTAL_SESSION_IDLE_HOURS * 3600
    # Sessions older than this feature start their limits with the next request.
    begun, seen = request.session.get(_BEGUN, now), request.session.get(_SEEN, now)
    too_old = now - begun > settings.ACRPORTAL_SESSION_HOURS * 3600
    return bool(too_old or (idle and now - seen > idle))


def _is_activity(request: HttpRequest) -> bool:
    """Tell whether a person acted; open pages also poll by themselves."""
    if request.method not in ("GET", "HEAD"):
        return True
    mode = request.headers.get("Sec-Fetch-Mode", "navigate")
    return mode == "navigate" and "HX-Request" not in request.headers


def _note_activity(request: HttpRequest) -> None:
    session, now = request.session, int(time.time())
    step = settings.ACRPORTAL_SESSION_IDLE_HOURS * 3600 / _STEPS
    if _BEGUN in session and now - session.get(_SEEN, 0) < step:
        return
    unsaved = session.modified
    session.setdefault(_BEGUN, now)
    session[_SEEN] = now
    try:
        session.save()
    except (DatabaseError, UpdateError):
        # A failed write must not cost anybody the page.
        return
    finally:
        # Otherwise the session middleware would write the session a second time.
        session.modified = unsaved
