"""What this capability registers in the lists of the tests."""

from __future__ import annotations

from django.core.files.base import ContentFile

from catalogue.owners.choices import TitleKind
from catalogue.owners.models import Party, Release, Work
from imports import services as imports
from imports.rights.kind import RIGHTS
from portal.rights.forms import PartyForm, ReleaseForm, WorkForm
from rights.actions import parts, records
from tests.rights import rows
from tests.security.admin_screens import SCREENS, Screen
from tests.security.forms import PAGES, Page
from tests.security.nowhere import NOWHERE
from tests.security.scopes import SCOPES
from tests.security.world import OBJECTS, SHARED
from tests.security.writing import (
    AS,
    LISTED,
    PARTS,
    REFUSED,
    SIGNED,
    Shared,
    as_refused,
)

OBJECTS.register(
    {
        "rights/of/<str:uid>": lambda desk, _: {"uid": desk.recording.uid},
        "rights/works/<str:uid>": lambda desk, _: {"uid": desk.work().uid},
        "rights/releases/<str:uid>": lambda desk, _: {"uid": desk.release().uid},
        "rights/recordings/<str:uid>": lambda desk, _: {"uid": desk.sound().uid},
        "rights/conflicts/<str:uid>": lambda desk, _: {
            "uid": rows.rights_conflict(desk).uid
        },
        "rights/parties/<str:uid>": lambda desk, _: {"uid": desk.party().uid},
    }
)
SHARED.register(
    {
        "rights/import/<str:uid>": lambda world: {
            "uid": rows.rights_import(world.own).uid
        },
        "api/portal/v1/imports/rights/<str:uid>": lambda world: {
            "uid": rows.rights_import(world.own).uid
        },
    }
)
SCREENS.register(
    {
        "imports.RightsImport": Screen(lambda desk: rows.rights_import(desk)),
        "rights.Conflict": Screen(lambda desk: rows.rights_conflict(desk)),
    }
)
SCOPES.register(
    {
        "api/portal/v1/recordings/<str:uid>/rights/": {"GET": "read"},
        "api/portal/v1/rights/": {"GET": "report"},
        "api/portal/v1/imports/rights/": {"POST": "catalogue"},
        "api/portal/v1/imports/rights/<str:uid>/": {"GET": "catalogue"},
        "api/portal/v1/imports/rights/<str:uid>/start/": {"POST": "catalogue"},
        "api/portal/v1/imports/rights/<str:uid>/undo/": {"POST": "catalogue"},
    }
)
NOWHERE.register(
    {
        "rights.Conflict": "as titles",
    }
)

PAGES.register(
    {
        "new work": (
            WorkForm,
            Page(
                lambda _: "/rights/works/new/", lambda _desk, _: {"title": "New"}, Work
            ),
        ),
        "work": (
            WorkForm,
            Page(
                lambda row: f"/rights/works/{row.uid}/edit/",  # type: ignore[union-attr]  # a work
                lambda desk, _: {
                    "title": "New",
                    "revision": Work.objects.get(pk=desk.work().pk).revision,
                },
                Work,
                row=lambda desk: desk.work(),
            ),
        ),
        "new party": (
            PartyForm,
            Page(
                lambda _: "/rights/parties/new/",
                lambda _desk, _: {"name": "New"},
                Party,
            ),
        ),
        "new release": (
            ReleaseForm,
            Page(
                lambda _: "/rights/releases/new/",
                lambda _desk, _: {"title": "New"},
                Release,
            ),
        ),
    }
)


class Imported:
    """An import of rights, which concern the whole catalogue."""

    def __init__(self, shared: Shared) -> None:
        self.rights_import = rows.rights_import(shared.other)


PARTS.register({"rights": Imported})
REFUSED.register(
    {
        "rights.actions.parts.add_title": lambda it: parts.add_title(
            work=it.work, user=it.user, text="-", kind=TitleKind.ALTERNATIVE
        ),
        "rights.actions.records.edit": lambda it: records.edit(
            record=it.work,
            user=it.user,
            revision=it.work.revision,
            values={"title": "-"},
        ),
        "imports.services.keep_upload": lambda it: imports.keep_upload(
            RIGHTS,
            file=ContentFile(b"-", name="a"),
            sender="",
            encoding="",
            user=it.user,
        ),
        "imports.services.start": lambda it: imports.start(
            one=it.part(Imported).rights_import, user=it.user
        ),
        "imports.services.try_again": lambda it: imports.try_again(
            one=it.part(Imported).rights_import, user=it.user
        ),
        "imports.services.cancel": lambda it: imports.cancel(
            one=it.part(Imported).rights_import, user=it.user
        ),
    }
)
SIGNED.register(
    {
        "change a work": as_refused("rights.actions.records.edit"),
    }
)
AS.register(
    {
        **dict.fromkeys(
            (
                "rights.actions.base.why_not",
                "rights.actions.conflicts.reopen",
                "rights.actions.conflicts.settle",
                "rights.actions.conflicts.settle_many",
                "rights.actions.merging.merge_parties",
                "rights.actions.merging.merge_works",
                "rights.actions.merging.split_work",
                "rights.actions.parts.add_share",
                "rights.actions.parts.link_recording",
                "rights.actions.parts.remove_share",
                "rights.actions.parts.unlink_recording",
                "rights.actions.undoing.undo",
            ),
            "rights.actions.records.edit",
        ),
        "imports.services.change_columns": "imports.services.start",
        "imports.services.check_undo": "imports.services.start",
        "imports.services.keep": "imports.services.start",
        "imports.services.undo": "imports.services.start",
    }
)
LISTED.register(
    {
        "rights.actions.records.create": "a record that nothing belongs to yet",
        "rights.filling.fill_catalogue": "follows a change that somebody else permits",
        "rights.filling.fill_recordings": "follows a change that somebody else permits",
        "rights.services.apply_claims": "of an import, which limited people cannot begin",
        "rights.services.follow": "follows a change that somebody else permits",
    }
)
