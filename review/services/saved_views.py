"""Saves views of the queue, private or shared with the team."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.roles import Action
from review import errors
from review.models import SavedView
from review.services import transitions

MAX_VIEWS = 30
_NOT_YOURS = _("This view belongs to somebody else.")


def views_for(user: User) -> QuerySet[SavedView]:
    """Return the user's own views and the shared ones."""
    seen = SavedView.objects.filter(Q(owner=user) | Q(is_shared=True))
    return seen.select_related("owner").order_by("name", "pk")


def default_of(user: User) -> SavedView | None:
    """Return the view the user's queue opens with, if one is set."""
    return SavedView.objects.filter(owner=user, is_default=True).first()


@transaction.atomic
def save(
    *, user: User, name: str, query: str, is_shared: bool = False, is_default: bool
) -> SavedView:
    """Save a view; it replaces the user's view of the same name."""
    name = name.strip()
    if not name:
        raise errors.ReasonMissing(gettext("Give the view a name."))
    if is_shared:
        transitions.require(
            user, Action.DECIDE, why=gettext("Your role may save views, but not share them.")
        )
    # The views of one person are counted and replaced one after the other.
    User.objects.select_for_update().get(pk=user.pk)
    own = SavedView.objects.filter(owner=user)
    if not own.filter(name=name).exists() and own.count() >= MAX_VIEWS:
        raise errors.NotPossible(
            gettext("You already have %(limit)s views. Remove one to save another.")
            % {"limit": MAX_VIEWS}
        )
    if is_default:
        own.update(is_default=False)
    view, _ = SavedView.objects.update_or_create(
        owner=user,
        name=name,
        defaults={"query": query, "is_shared": is_shared, "is_default": is_default},
    )
    return view


@transaction.atomic
def switch_default(*, view: SavedView, user: User) -> bool:
    """Toggle whether the queue opens with this view; return the new setting."""
    _refuse_foreign(view, user)
    was = view.is_default
    SavedView.objects.filter(owner=user).update(is_default=False)
    if not was:
        SavedView.objects.filter(pk=view.pk).update(is_default=True)
    return not was


def remove(*, view: SavedView, user: User) -> None:
    """Delete a view."""
    _refuse_foreign(view, user)
    view.delete()


def _refuse_foreign(view: SavedView, user: User) -> None:
    if view.owner_id != user.pk:
        raise errors.NotAllowed(_NOT_YOURS)
