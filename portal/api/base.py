"""What the views of the portal's own API share."""

from __future__ import annotations

from rest_framework.authentication import SessionAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.views import APIView

from accounts.bearer import BearerAuthentication
from accounts.models import User


class PersonView(APIView):
    """Called by somebody signed in, while a page of theirs stays open."""

    @property
    def person(self) -> User:
        """Return who calls."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - the permission class saw to it
        return user


class ProgramView(PersonView):
    """Called by somebody signed in, or by a program with the token of somebody."""

    authentication_classes = [BearerAuthentication, SessionAuthentication]
    parser_classes = [JSONParser]
