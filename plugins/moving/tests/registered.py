"""What this capability registers in the lists of the tests."""

from __future__ import annotations

from datetime import date

from imports import services as imports
from plugins.moving.importing.kind import MOVES
from plugins.moving.models import Moved
from plugins.moving.tests import rows
from scanning.models import CloudAccount
from tests.security.admin_screens import SCREENS, of_people
from tests.security.nowhere import NOWHERE
from tests.security.world import SHARED, Desk
from tests.security.writing import ADMINS, AS, BY_UID, LISTED, REFUSED


def _moved(desk: Desk) -> Moved:
    return desk.row(
        Moved,
        account=rows.move_in(desk).account,
        kind="bucket",
        remote_id=str(desk.recording.pk),
        outcome="new",
        name="Songs",
    )


SHARED.register(
    {
        # People with access limits import no rights: these concern the whole catalogue.
        # Its name is for everybody who judges; its rows are limited.
        "trials/<str:uid>": lambda world: {"uid": rows.trial_row(world.own).file.trial.uid},
        "catalogue/move-in/<str:uid>": lambda world: {"uid": rows.move_in(world.own).uid},
    }
)
SCREENS.register(
    {
        "moving.EngineTrial": of_people(lambda desk: rows.trial_row(desk).file.trial),
        "moving.TrialFile": of_people(lambda desk: rows.trial_row(desk).file),
        "moving.TrialRow": of_people(lambda desk: rows.trial_row(desk)),
        "moving.MoveIn": of_people(lambda desk: rows.move_in(desk)),
        "moving.Moved": of_people(_moved),
    }
)
NOWHERE.register(
    {
        "moving.EngineTrial": "for those who configure; judges see its account's name",
        "moving.Moved": "for those who configure, whose accounts it comes from",
    }
)


_JANUARY = date(2026, 1, 1)
REFUSED.register(
    {
        "imports.services.make_import": lambda it: imports.make_import(
            MOVES, account=CloudAccount(name="Console"), parts=[], since=_JANUARY, user=it.user
        )
    }
)
AS.register(
    {"plugins.moving.importing.callbacks.take_over_callback": "imports.services.make_import"}
)
LISTED.register(
    {
        "plugins.moving.trials.services.begin_trial": ADMINS,
        "plugins.moving.trials.services.compare_now": ADMINS,
        "plugins.moving.trials.services.end_trial": ADMINS,
        "plugins.moving.trials.services.judge": BY_UID,
    }
)
