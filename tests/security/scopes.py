"""Which scopes of a token open each address of both APIs, by method; ``all`` opens each.

Reading takes the scope of what is read. Where a token may change something, it may
read that address too. A new address needs a line, a plug-in's in its own list. An empty text: pages call it
with a session, and no token opens it.
"""

from __future__ import annotations

from tests.registered import Table

SCOPES: Table[str, dict[str, str]] = Table(
    {
        "api/portal/v1/files/": {"POST": ""},
        "api/portal/v1/files/known/": {"POST": ""},
        "api/portal/v1/files/<uuid:uid>/": {"GET": ""},
        "api/portal/v1/files/<uuid:uid>/rescan/": {"POST": ""},
        "api/portal/v1/files/<uuid:uid>/cancel/": {"POST": ""},
        "api/portal/v1/files/<uuid:uid>/audio/": {"POST": ""},
        "api/portal/v1/files/<uuid:uid>/episode/": {"GET": "read scan", "PUT": "scan"},
        "api/portal/v1/files/<uuid:uid>/uses/": {"GET": "read decide", "PUT": "decide"},
        "api/portal/v1/files/<uuid:uid>/timeline/": {"GET": "read"},
        "api/portal/v1/uploads/": {"POST": ""},
        "api/portal/v1/uploads/<uuid:uid>/": {"PATCH": "", "DELETE": ""},
        "api/portal/v1/uploads/<uuid:uid>/finish/": {"POST": ""},
        "api/portal/v1/links/": {"POST": ""},
        "api/portal/v1/links/read/": {"POST": ""},
        "api/portal/v1/matches/": {"GET": "read"},
        "api/portal/v1/decisions/": {"GET": "read"},
        "api/portal/v1/disputes/": {"GET": "read"},
        "api/portal/v1/licences/": {"GET": "read"},
        "api/portal/v1/policies/": {"GET": "read"},
        "api/portal/v1/exclusions/": {"GET": "read"},
        "api/portal/v1/recordings/": {"GET": "read"},
        "api/portal/v1/matches/<str:uid>/": {"GET": "read decide"},
        "api/portal/v1/matches/<str:uid>/decisions/": {"POST": "decide"},
        "api/portal/v1/matches/<str:uid>/version-answers/": {"POST": "decide"},
        "api/portal/v1/matches/<str:uid>/disputes/": {"GET": "read decide", "POST": "decide"},
        "api/portal/v1/recordings/<str:acr_id>/fingerprint/": {"GET": "catalogue"},
        "api/portal/v1/statements/": {"GET": "read"},
        "api/portal/v1/statements/<str:uid>/": {"GET": "read"},
        "api/portal/v1/statements/<str:uid>/facts/": {"GET": "read"},
        "api/portal/v1/statements/<str:uid>/differences/": {"GET": "read"},
        "api/portal/v1/statements/<str:uid>/files/<str:form>/": {"GET": "report"},
        "api/portal/v1/statements/<str:uid>/keep/": {"POST": "decide"},
        "api/portal/v1/statements/<str:uid>/withdraw/": {"POST": "decide"},
        "api/portal/v1/imports/audio/": {"POST": "catalogue"},
        "api/portal/v1/imports/audio/<str:uid>/": {"GET": "catalogue"},
        "api/portal/v1/imports/audio/<str:uid>/start/": {"POST": "catalogue"},
        "api/portal/v1/imports/audio/<str:uid>/undo/": {"POST": "catalogue"},
        "api/portal/v1/imports/recordings/": {"POST": "catalogue"},
        "api/portal/v1/imports/recordings/<str:uid>/": {"GET": "catalogue"},
        "api/portal/v1/imports/recordings/<str:uid>/start/": {"POST": "catalogue"},
        "api/portal/v1/imports/recordings/<str:uid>/undo/": {"POST": "catalogue"},
        "api/portal/v1/imports/results/": {"POST": "scan"},
        "api/portal/v1/imports/results/<str:uid>/": {"GET": "scan"},
        "api/portal/v1/imports/results/<str:uid>/start/": {"POST": "scan"},
        "api/portal/v1/imports/results/<str:uid>/undo/": {"POST": "scan"},
        "api/portal/v1/reports/": {"GET": "read report", "POST": "report"},
        "api/portal/v1/reports/stream/": {"POST": "report"},
        "api/portal/v1/reports/<str:uid>/": {"GET": "read report"},
        "api/portal/v1/reports/<str:uid>/file/": {"GET": "read report"},
        "api/portal/v1/reports/<str:uid>/manifest/": {"GET": "read report"},
        "api/portal/v1/reports/<str:uid>/cancel/": {"POST": "report"},
        "api/fs-containers": {"GET": "read", "POST": "admin"},
        "api/fs-containers/<str:container_id>": {"GET": "read", "PUT": "admin", "DELETE": "admin"},
        "api/fs-containers/<str:container_id>/presigned-upload": {"GET": "scan"},
        "api/fs-containers/<str:container_id>/files": {"GET": "read", "POST": "scan"},
        "api/fs-containers/<str:container_id>/files/<str:ids>": {"GET": "read", "DELETE": "scan"},
        "api/fs-containers/<str:container_id>/files/<str:ids>/rescan": {"PUT": "scan"},
        "api/buckets": {"GET": "read", "POST": "catalogue"},
        "api/buckets/<str:bucket_id>": {"GET": "read", "PUT": "catalogue", "DELETE": "catalogue"},
        "api/buckets/<str:bucket_id>/files": {
            "GET": "read",
            "POST": "catalogue",
            "DELETE": "catalogue",
        },
        "api/buckets/<str:bucket_id>/files/move": {"POST": "catalogue"},
        "api/buckets/<str:bucket_id>/files/dump": {"GET": "read"},
        "api/buckets/<str:bucket_id>/files/<str:ids>": {
            "GET": "read",
            "PUT": "catalogue",
            "DELETE": "catalogue",
        },
        "api/buckets/<str:bucket_id>/files/<str:ids>/move": {"PUT": "catalogue"},
        "api/buckets/<str:bucket_id>/dedup-files": {"GET": "read", "POST": "catalogue"},
        "api/buckets/<str:bucket_id>/dedup-files/<str:ids>": {"GET": "read", "DELETE": "catalogue"},
    }
)
