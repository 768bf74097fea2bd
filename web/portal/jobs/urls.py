"""URLs of jobs."""

from __future__ import annotations

from django.urls import path

from web.portal.jobs import views

urlpatterns = [
    path("jobs/", views.job_list, name="jobs"),
    path("jobs/again/", views.job_again, name="job_again"),
    path("installation/", views.installation_role, name="installation"),
    path("jobs/cancel/", views.job_cancel, name="job_cancel"),
]
