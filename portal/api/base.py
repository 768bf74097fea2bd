"""Base views and permissions of the portal's own API."""

from __future__ import annotations

from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from accounts.roles import Action
from accounts.tokens import BearerAuthentication


class PersonView(APIView):
    """A view that pages call with the session of the signed-in user."""

    @property
    def person(self) -> User:
        """Return the calling user."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - the permission class guarantees it
        return user


class ProgramView(PersonView):
    """A view that accepts a session, or the API token of a user."""

    authentication_classes = [BearerAuthentication, SessionAuthentication]
    parser_classes = [JSONParser]


class MayView(BasePermission):
    """Allows every user who has a role."""

    action = Action.VIEW
    message = "Your role does not allow this. Ask an admin for the role that does."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the user may perform ``action``."""
        return bool(request.user and request.user.has_perm(self.action))


class MayUpload(MayView):
    """Allows reviewers, managers and admins."""

    action = Action.UPLOAD
