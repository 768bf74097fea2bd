"""Base views and the permission of the portal's own API."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from base.accounts.limits import TokenThrottle
from base.accounts.models import ApiToken, User
from base.accounts.roles import Action, scopes_allow, scopes_for
from base.accounts.tokens import BearerAuthentication
from base.common.api_requests import AnyJson
from base.common.bodies import accept_body, limit_for


class MayCall(BasePermission):
    """Allows what the view declares to users, and to tokens with a scope for it."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Check the user's role, and the scopes of the token if one was used."""
        assert isinstance(view, PersonView)  # noqa: S101 - only they use this class
        action = view.action_for(str(request.method))
        if not request.user or not request.user.has_perm(action):
            self.message = _("Your role does not allow this. Ask an admin for the role that does.")
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        assert isinstance(view, ProgramView)  # noqa: S101 - the others read no tokens
        allowed = view.token_actions_for(str(request.method))
        if any(scopes_allow(request.auth.scopes, action) for action in allowed):
            return True
        scope = scopes_for(allowed[0])[0]
        self.message = _("The token lacks the scope \u201c%(scope)s\u201d.") % {"scope": scope}
        return False


class PersonView(APIView):
    """A view that pages call with the session of the signed-in user."""

    permission_classes = [MayCall]
    content_negotiation_class = AnyJson
    #: What GET and HEAD require, and what the other methods do, if there are any.
    reads: ClassVar[Action] = Action.VIEW
    changes: ClassVar[Action | None] = None

    @classmethod
    def action_for(cls, method: str) -> Action:
        """Return the permission that an HTTP method requires."""
        if method in SAFE_METHODS or cls.changes is None:
            return cls.reads
        return cls.changes

    @property
    def person(self) -> User:
        """Return the calling user."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - the permission class guarantees it
        return user


class ProgramView(PersonView):
    """A view that accepts a session, or the API token of a user.

    The body is read only once the sender is known, as in the wire protocol.
    """

    checks_sender = True
    authentication_classes = [BearerAuthentication, SessionAuthentication]
    parser_classes = [JSONParser]
    throttle_classes = [TokenThrottle]
    #: What a token's scope must allow where it differs from what the role must allow.
    token_action: ClassVar[Action | None] = None

    @classmethod
    def token_actions_for(cls, method: str) -> list[Action]:
        """Return the actions of which a token's scopes must allow one.

        Reading takes the scope of what is read. Who may change something at an address
        must be able to read it there first.
        """
        if cls.token_action:
            return [cls.token_action]
        actions = [cls.action_for(method)]
        if method in SAFE_METHODS and cls.changes:
            actions.append(cls.changes)
        return actions

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse an oversized body before reading any of it.

        Any: DRF's own signature.
        """
        sent = request._request
        # The session is known already, and its CSRF check reads forms.
        if "Authorization" not in sent.headers:
            accept_body(sent, limit_for(sent.user, self))
        super().initial(request, *args, **kwargs)
        accept_body(sent, limit_for(self.person, self))
