"""What this capability registers in the lists of the tests."""

from __future__ import annotations

from django.core.files.base import ContentFile

from catalogue.owners.choices import TitleKind
from catalogue.owners.models import Party, Release, Work
from imports import services as imports
from plugins.rights.actions import parts, records
from plugins.rights.importing.kind import RIGHTS
from plugins.rights.pages.forms import PartyForm, ReleaseForm, WorkForm
from plugins.rights.tests import rows
from tests.portal.followed_lists import LISTS, Followed
from tests.security.admin_screens import SCREENS, Screen
from tests.security.forms import PAGES, Page
from tests.security.scopes import SCOPES
from tests.security.world import OBJECTS, SHARED
from tests.security.writing import AS, LISTED, PARTS, READS, REFUSED, SIGNED, Shared, as_refused

OBJECTS.register(
    {
        "rights/of/<str:uid>": lambda desk, _: {"uid": desk.recording.uid},
        "rights/works/<str:uid>": lambda desk, _: {"uid": desk.work().uid},
        "rights/releases/<str:uid>": lambda desk, _: {"uid": desk.release().uid},
        "rights/recordings/<str:uid>": lambda desk, _: {"uid": desk.sound().uid},
        "rights/conflicts/<str:uid>": lambda desk, _: {"uid": desk.rights_conflict().uid},
        "rights/parties/<str:uid>": lambda desk, _: {"uid": desk.party().uid},
    }
)
SHARED.register(
    {
        "rights/import/<str:uid>": lambda world: {"uid": rows.rights_import(world.own).uid},
        "api/portal/v1/imports/rights/<str:uid>": lambda world: {
            "uid": rows.rights_import(world.own).uid
        },
    }
)
LISTS.register({"shares": Followed(rows.share_of, rows.withdraw_share)})
SCREENS.register({"rights_imports.RightsImport": Screen(lambda desk: rows.rights_import(desk))})
SCOPES.register(
    {
        "api/portal/v1/recordings/<str:uid>/rights/": {"GET": "read"},
        "api/portal/v1/rights/": {"GET": "report"},
        "api/portal/v1/shares/": {"GET": "read"},
        "api/portal/v1/imports/rights/": {"POST": "catalogue"},
        "api/portal/v1/imports/rights/<str:uid>/": {"GET": "catalogue"},
        "api/portal/v1/imports/rights/<str:uid>/start/": {"POST": "catalogue"},
        "api/portal/v1/imports/rights/<str:uid>/undo/": {"POST": "catalogue"},
    }
)

PAGES.register(
    {
        "new work": (
            WorkForm,
            Page(lambda _: "/rights/works/new/", lambda _desk, _: {"title": "New"}, Work),
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
            Page(lambda _: "/rights/parties/new/", lambda _desk, _: {"name": "New"}, Party),
        ),
        "new release": (
            ReleaseForm,
            Page(lambda _: "/rights/releases/new/", lambda _desk, _: {"title": "New"}, Release),
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
        "plugins.rights.actions.parts.add_title": lambda it: parts.add_title(
            work=it.work, user=it.user, text="-", kind=TitleKind.ALTERNATIVE
        ),
        "plugins.rights.actions.records.edit": lambda it: records.edit(
            record=it.work, user=it.user, revision=it.work.revision, values={"title": "-"}
        ),
        "imports.services.keep_upload": lambda it: imports.keep_upload(
            RIGHTS, file=ContentFile(b"-", name="a"), sender="", encoding="", user=it.user
        ),
        "imports.services.start": lambda it: imports.start(
            import_=it.part(Imported).rights_import, user=it.user
        ),
        "imports.services.try_again": lambda it: imports.try_again(
            import_=it.part(Imported).rights_import, user=it.user
        ),
        "imports.services.cancel": lambda it: imports.cancel(
            import_=it.part(Imported).rights_import, user=it.user
        ),
    }
)
SIGNED.register({"change a work": as_refused("plugins.rights.actions.records.edit")})
AS.register(
    {
        **dict.fromkeys(
            (
                "plugins.rights.actions.base.why_not",
                "plugins.rights.actions.conflicts.reopen",
                "plugins.rights.actions.conflicts.settle",
                "plugins.rights.actions.conflicts.settle_many",
                "plugins.rights.actions.merging.merge_parties",
                "plugins.rights.actions.merging.merge_works",
                "plugins.rights.actions.merging.split_work",
                "plugins.rights.actions.parts.add_share",
                "plugins.rights.actions.parts.link_recording",
                "plugins.rights.actions.parts.remove_share",
                "plugins.rights.actions.parts.unlink_recording",
                "plugins.rights.actions.undoing.undo",
            ),
            "plugins.rights.actions.records.edit",
        ),
        "imports.services.change_columns": "imports.services.start",
        "imports.services.check_undo": "imports.services.start",
        "imports.services.keep": "imports.services.start",
        "imports.services.undo": "imports.services.start",
    }
)
LISTED.register(
    {
        "plugins.rights.actions.records.create": "a record that nothing belongs to yet",
        "plugins.rights.filling.fill_catalogue": "follows a change that somebody else permits",
        "plugins.rights.filling.fill_recordings": "follows a change that somebody else permits",
        "plugins.rights.services.apply_claims": "of an import, which limited people cannot begin",
        "plugins.rights.exporting.as_csv": READS,
        "plugins.rights.services.follow": "follows a change that somebody else permits",
    }
)
