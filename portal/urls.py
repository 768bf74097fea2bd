"""URLs of all pages, collected from the features."""

from __future__ import annotations

from common.routing import pages, patterns_of
from portal.accounts import urls as accounts
from portal.catalogue import urls as catalogue
from portal.containers import urls as containers
from portal.dashboard import urls as dashboard
from portal.drops import urls as drops
from portal.duplicates import urls as duplicates
from portal.evidence import urls as evidence
from portal.files import urls as files
from portal.guides import urls as guides
from portal.imports import urls as imports
from portal.jobs import urls as jobs
from portal.licences import urls as licences
from portal.more import urls as more
from portal.policies import urls as policies
from portal.reports import urls as reports
from portal.review import urls as review
from portal.search import urls as search
from portal.statements import urls as statements
from portal.uploads import urls as uploads
from portal.watches import urls as watches

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
