"""URLs of all pages, collected from the features."""

from __future__ import annotations

from base.common.routing import pages, patterns_of
from web.portal.accounts import urls as accounts
from web.portal.catalogue import urls as catalogue
from web.portal.containers import urls as containers
from web.portal.dashboard import urls as dashboard
from web.portal.drops import urls as drops
from web.portal.duplicates import urls as duplicates
from web.portal.evidence import urls as evidence
from web.portal.files import urls as files
from web.portal.guides import urls as guides
from web.portal.imports import urls as imports
from web.portal.jobs import urls as jobs
from web.portal.licences import urls as licences
from web.portal.more import urls as more
from web.portal.policies import urls as policies
from web.portal.reports import urls as reports
from web.portal.review import urls as review
from web.portal.search import urls as search
from web.portal.statements import urls as statements
from web.portal.uploads import urls as uploads
from web.portal.watches import urls as watches

app_name = "portal"

urlpatterns = [
    *dashboard.urlpatterns,
    *search.urlpatterns,
    *more.urlpatterns,
    *guides.urlpatterns,
    *uploads.urlpatterns,
    *watches.urlpatterns,
    *drops.urlpatterns,
    *files.urlpatterns,
    *review.urlpatterns,
    *containers.urlpatterns,
    *catalogue.urlpatterns,
    *imports.urlpatterns,
    *duplicates.urlpatterns,
    *licences.urlpatterns,
    *policies.urlpatterns,
    *reports.urlpatterns,
    *evidence.urlpatterns,
    *statements.urlpatterns,
    *jobs.urlpatterns,
    *accounts.urlpatterns,
    *patterns_of(pages),
]
