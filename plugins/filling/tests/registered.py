"""What this capability registers in the lists of the tests."""

from __future__ import annotations

from plugins.filling.models import FillingRule
from plugins.filling.pages.forms import FillingRuleForm
from plugins.filling.tests import rows
from tests.allowed import OWN_JSON
from tests.scanning.podcast import Podcast
from tests.security.admin_screens import SCREENS, Screen
from tests.security.forms import PAGES, Body, Page
from tests.security.nowhere import NOWHERE
from tests.security.world import OBJECTS, SHARED, Desk
from tests.security.writing import ADMINS, BY_UID, LISTED

OBJECTS.register(
    {
        "catalogue/fill-in/suggestions/<str:uid>": lambda desk, _: {
            "uid": rows.suggestion(desk).uid
        },
        "catalogue/fill-in/differences/<str:uid>": lambda desk, _: {
            "uid": rows.known_difference(desk).uid
        },
        "catalogue/fill-in/rules/<str:uid>": lambda desk, _: {"uid": rows.filling_rule(desk).uid},
    }
)
SHARED.register(
    {"catalogue/fill-in/sources/<str:uid>": lambda _: {"uid": rows.open_data_source().uid}}
)
SCREENS.register(
    {
        "enrichment.Suggestion": Screen(lambda desk: rows.suggestion(desk)),
        "enrichment.FillingRule": Screen(lambda desk: rows.filling_rule(desk)),
        "enrichment.KnownDifference": Screen(lambda desk: rows.known_difference(desk)),
        "enrichment.EnrichmentSource": Screen(
            lambda _: rows.open_data_source(), shared="made for everybody"
        ),
        "enrichment.SafeMark": Screen(lambda _: rows.safe_mark(), shared="made for everybody"),
    }
)
NOWHERE.register(
    {
        "enrichment.EnrichmentSource": "a file for everybody; suggestions lie in buckets",
        "enrichment.SafeMark": "figures for everybody, without recordings",
    }
)


def _filling_rule(desk: Desk, _: Podcast) -> Body:
    return {"bucket": desk.bucket.pk, "field": "isrc", "least_confidence": "0.999"}


PAGES.register(
    {
        "new filling rule": (
            FillingRuleForm,
            Page(lambda _: "/catalogue/fill-in/rules/", _filling_rule, FillingRule),
        )
    }
)


LISTED.register(
    {
        "plugins.filling.deciding.apply_act": BY_UID,
        "plugins.filling.deciding.undo_act": BY_UID,
        "plugins.filling.sources.add_list": ADMINS,
        "plugins.filling.sources.add_source": ADMINS,
        "plugins.filling.sources.delete_source": ADMINS,
    }
)

OWN_JSON.register(
    {
        "plugins/filling/open_data/index.py": "an index that the portal made",
        "plugins/filling/open_data/musicbrainz/source.py": "columns that its own query makes",
    }
)
