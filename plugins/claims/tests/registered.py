"""What this capability registers in the lists of the tests."""

from __future__ import annotations

from plugins.claims import files as claim_files
from plugins.claims import services as claims
from plugins.claims.choices import Platform
from plugins.claims.models import AssetConflict, PlatformVideo, ReferenceFile, ReportedValue
from plugins.claims.tests import rows
from tests.allowed import OWN_JSON, PLAIN_CSV
from tests.portal.followed_lists import LISTS, Followed
from tests.security.admin_screens import SCREENS, SHOWN_ELSEWHERE, Screen
from tests.security.noted import NOTED
from tests.security.nowhere import NOWHERE
from tests.security.scopes import SCOPES
from tests.security.world import OBJECTS, PORTAL_WIDE, SHARED
from tests.security.writing import AS, BY_UID, LISTED, PARTS, REFUSED, Shared

NOTED.register(
    {r"/claims/files/[^/]+/(content/)?$": (('INSERT INTO "audit_event"',), "a download")}
)
OBJECTS.register(
    {
        "claims/files/<str:uid>": lambda desk, person: {"uid": rows.claim_file(desk, person).uid},
        "claims/import/<str:uid>": lambda desk, person: {
            "uid": rows.claims_import(desk, person).uid
        },
        "claims/answers/<str:uid>": lambda desk, person: {
            "uid": rows.answers_import(desk, person).uid
        },
        "claims/accounts/<str:uid>/claims/<str:claim_id>": lambda desk, _: {
            "uid": rows.platform_claim(desk).account.uid,
            "claim_id": rows.platform_claim(desk).claim_id,
        },
        "claims/accounts/<str:uid>/assets/<str:asset_id>": lambda desk, _: {
            "uid": rows.platform_claim(desk).account.uid,
            "asset_id": rows.platform_claim(desk).asset.asset_id,
        },
        "api/portal/v1/claims/accounts/<str:uid>/claims/<str:claim_id>": lambda desk, _: {
            "uid": rows.platform_claim(desk).account.uid,
            "claim_id": rows.platform_claim(desk).claim_id,
        },
        "api/portal/v1/claims/files/<str:uid>": lambda desk, person: {
            "uid": rows.claim_file(desk, person).uid
        },
        "api/portal/v1/imports/claims/<str:uid>": lambda desk, person: {
            "uid": rows.claims_import(desk, person).uid
        },
        "api/portal/v1/imports/answers/<str:uid>": lambda desk, person: {
            "uid": rows.answers_import(desk, person).uid
        },
    }
)
SHARED.register(
    {
        # A name for everybody; its claims are limited.
        "api/portal/v1/claims/accounts/<str:uid>": lambda world: {
            "uid": rows.platform_claim(world.own).account.uid
        },
        "api/portal/v1/claims/lists/<str:kind>": lambda _: {"kind": "not_heard"},
    }
)
LISTS.register({"claims": Followed(rows.claim_of, rows.end_claim, key="claim_id")})
SCREENS.register(
    {
        "platforms.AnswersImport": Screen(lambda desk: rows.answers_import(desk)),
        "platforms.ClaimsImport": Screen(lambda desk: rows.claims_import(desk)),
        "platforms.PlatformAccount": Screen(
            lambda desk: rows.platform_claim(desk).account, shared="a name for everybody"
        ),
        "platforms.PlatformAsset": Screen(lambda desk: rows.platform_claim(desk).asset),
        "platforms.PlatformClaim": Screen(lambda desk: rows.platform_claim(desk)),
        "platforms.ReferenceFile": Screen(
            lambda desk: ReferenceFile.objects.create(
                account=rows.platform_claim(desk).account,
                asset=rows.platform_claim(desk).asset,
                reference_id=f"R{desk.recording.pk}",
            )
        ),
        "platforms.AssetConflict": Screen(
            lambda desk: AssetConflict.objects.create(
                account=rows.platform_claim(desk).account,
                asset=rows.platform_claim(desk).asset,
                asset_key=rows.platform_claim(desk).asset.asset_id,
            )
        ),
        "platforms.PlatformVideo": Screen(
            lambda desk: PlatformVideo.objects.create(
                account=rows.platform_claim(desk).account,
                asset=rows.platform_claim(desk).asset,
                video_id=f"v{desk.recording.pk}",
                scanned_file=desk.file,
            )
        ),
        "platforms.ReportedValue": Screen(
            lambda desk: ReportedValue.objects.create(
                platform="youtube", value=f"V{desk.recording.pk}"
            ),
            shared="words of a platform",
        ),
        "platforms.ClaimFile": Screen(lambda desk: rows.claim_file(desk)),
        "platforms.Discrepancy": Screen(lambda desk: rows.discrepancy(desk)),
    }
)
SHOWN_ELSEWHERE.register(
    {
        "platforms.PolicyTerms": "the page of a claim",
        "platforms.ClaimFileRow": "the page of a file for a platform",
        "platforms.PriorValues": "nowhere: a note of the worker",
        "platforms.GroundChange": "nowhere: a note of the worker",
    }
)
SCOPES.register(
    {
        "api/portal/v1/imports/answers/": {"POST": "catalogue"},
        "api/portal/v1/imports/answers/<str:uid>/": {"GET": "catalogue"},
        "api/portal/v1/imports/answers/<str:uid>/start/": {"POST": "catalogue"},
        "api/portal/v1/imports/answers/<str:uid>/undo/": {"POST": "catalogue"},
        "api/portal/v1/imports/claims/": {"POST": "catalogue"},
        "api/portal/v1/imports/claims/<str:uid>/": {"GET": "catalogue"},
        "api/portal/v1/imports/claims/<str:uid>/start/": {"POST": "catalogue"},
        "api/portal/v1/imports/claims/<str:uid>/undo/": {"POST": "catalogue"},
        "api/portal/v1/claims/": {"GET": "read"},
        "api/portal/v1/claims/accounts/": {"GET": "read"},
        "api/portal/v1/claims/accounts/<str:uid>/claims/": {"GET": "read"},
        "api/portal/v1/claims/accounts/<str:uid>/claims/<str:claim_id>/": {"GET": "read"},
        "api/portal/v1/claims/lists/": {"GET": "read"},
        "api/portal/v1/claims/lists/<str:kind>/": {"GET": "read"},
        "api/portal/v1/claims/files/": {"GET": "report", "POST": "report"},
        "api/portal/v1/claims/files/<str:uid>/": {"GET": "report"},
        "api/portal/v1/claims/files/<str:uid>/content/": {"GET": "report"},
        "api/portal/v1/claims/files/<str:uid>/act/": {"POST": "report"},
    }
)
NOWHERE.register(
    {
        "platforms.PlatformAccount": "a name and days for everybody; its rows are limited",
        "platforms.PolicyTerms": "seen with its claims",
        "platforms.ReportedValue": "words of a platform, for everybody",
        "platforms.PriorValues": "a note of the worker, shown nowhere",
        "platforms.ClaimFileRow": "seen with its file",
        "platforms.GroundChange": "a note of the worker, shown nowhere",
    }
)


class Claimed:
    """A claim, a file and a value of a platform."""

    def __init__(self, shared: Shared) -> None:
        self.asset = rows.platform_claim(shared.own).asset
        self.claim_file = rows.claim_file(shared.own)
        self.value = ReportedValue.objects.create(platform="youtube", value="-")


PARTS.register({"claims": Claimed})
REFUSED.register(
    {
        "plugins.claims.files.mark_sent": lambda it: claim_files.mark_sent(
            file=it.part(Claimed).claim_file, user=it.user
        ),
        "plugins.claims.services.find_account": lambda it: claims.find_account(
            platform=Platform.YOUTUBE, name="-", user=it.user
        ),
        "plugins.claims.services.link_asset": lambda it: claims.link_asset(
            asset=it.part(Claimed).asset, recording=it.own.recording, user=it.user
        ),
        "plugins.claims.services.explain_value": lambda it: claims.explain_value(
            value=it.part(Claimed).value, meaning="other", user=it.user
        ),
    }
)
AS.register(
    {
        "plugins.claims.files.unmark_sent": "plugins.claims.files.mark_sent",
        "plugins.claims.files.withdraw": "plugins.claims.files.mark_sent",
    }
)
LISTED.register(
    {
        "plugins.claims.files.make_files": BY_UID,
        "plugins.claims.services.dismiss": BY_UID,
        "plugins.claims.services.enter_dispute_day": "of a claim that the person may see",
        "plugins.claims.services.reopen": BY_UID,
        **dict.fromkeys(
            ("plugins.claims.answers.answer_rows", "plugins.claims.answers.take_back"),
            "of an import, which limited people cannot begin",
        ),
    }
)

PORTAL_WIDE.register(
    dict.fromkeys(
        (
            *("claims/import/<str:uid>/start/", "claims/import/<str:uid>/undo/"),
            "claims/import/<str:uid>/columns/",
            *("claims/answers/<str:uid>/start/", "claims/answers/<str:uid>/undo/"),
            "claims/files/<str:uid>/act/",
            *(
                f"api/portal/v1/imports/{kind}/<str:uid>/{step}/"
                for kind in ("claims", "answers")
                for step in ("start", "undo")
            ),
            "api/portal/v1/claims/files/<str:uid>/act/",
        ),
        "reports and files of a platform are about a whole account",
    )
)

OWN_JSON.register({"plugins/claims/importing/prior.py": "what an import kept"})

PLAIN_CSV.register(
    {"plugins/claims/files.py": "YouTube's own files: YouTube would store the apostrophe"}
)
