"""Takes over the addresses to which an account posts results."""

from __future__ import annotations

from base.accounts.models import User
from plugins.moving.importing.kind import MOVES
from plugins.moving.models import Moved
from scanning.models import Container
from scanning.services.containers import update_container


def take_over_callback(*, moved: Moved, user: User) -> None:
    """Post the results of a moved container to the address that it had there.

    Raises ``PermissionDenied``.
    """
    MOVES.refuse(user)
    container = Container.objects.present().get(pk=moved.case.partition(":")[2])
    update_container(container=container, columns={"callback_url": moved.callback_url}, user=user)
