"""Where people are signed in, and how that is ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from allauth.usersessions.adapter import DefaultUserSessionsAdapter, get_adapter
from allauth.usersessions.forms import ManageUserSessionsForm
from allauth.usersessions.internal import flows
from allauth.usersessions.models import UserSession
from django import forms
from django.http import HttpRequest

from accounts.models import User
from accounts.reach import person_at_work
from accounts.signals import account_changed


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]  # the library is not typed
    """Tells the audit trail."""

    def end_sessions(self, sessions: Sequence[UserSession]) -> None:
        """End sessions."""
        # Whoever ends their own is nobody's any more afterwards.
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
    """Ends the session that a button names, or all but this one."""

    session = forms.ModelChoiceField(UserSession.objects.none(), required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        own = UserSession.objects.filter(user_id=self.request.user.pk)
        self.fields["session"].queryset = own

    def save(self, request: HttpRequest) -> None:
        """End what was asked for."""
        one = self.cleaned_data["session"]
        if one is None:
            super().save(request)
        else:
            flows.sessions.end_sessions(request, [one])


def end_all_sessions(person: User) -> int:
    """Sign a person out everywhere; return how many sessions that ended."""
    sessions = UserSession.objects.purge_and_list(person)
    get_adapter().end_sessions(sessions)
    return len(sessions)
