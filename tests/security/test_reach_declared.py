"""Every model declares the containers and buckets of its rows, or why it has none."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from base.accounts.models import User
from base.accounts.reach import LimitKind, ReachManager
from base.common.phrases import own_models
from catalogue.models import Bucket
from scanning.models import Container
from tests.security.nowhere import NOWHERE

_LEADS_TO: dict[str, type[Model]] = {
    LimitKind.CONTAINERS: Container,
    LimitKind.BUCKETS: Bucket,
    "owner": User,
}

OWN = list(own_models())
LIMITED = [model for model in OWN if hasattr(model, "reach")]


def test_every_model_says_where_its_rows_lie() -> None:
    labels = {model._meta.label for model in OWN}
    silent = labels - {model._meta.label for model in LIMITED}

    assert silent == set(NOWHERE), (
        "Give a new model 'reach' and a ReachManager, or say in NOWHERE why it needs "
        "none and who sees its rows."
    )


def test_what_a_model_says_is_so() -> None:
    for model in LIMITED:
        # Each has the attribute, but no common base class declares it.
        reach: Any = model.reach
        ways = [*reach.ways(), ("owner", reach.owner)]

        assert reach.hidden or any(way for _, way in ways), model
        assert isinstance(model._default_manager, ReachManager), model
        for kind, way in ways:
            if way:
                assert _end_of(model, way) is _LEADS_TO[kind], (model, way)


def _end_of(model: type[Model], way: str) -> object:
    here: Any = model  # Any: from a field to its model, step by step
    for name in way.split("__"):
        here = here if name == "pk" else here._meta.get_field(name).related_model
    return here
