"""URLs of trials."""

from __future__ import annotations

from django.urls import path

from portal.trials import views

urlpatterns = [
    path("trials/", views.trial_list, name="trial_list"),
    path("trials/<str:uid>/", views.trial, name="trial"),
    path("trials/<str:uid>/compare/", views.trial_compare, name="trial_compare"),
    path("trials/<str:uid>/end/", views.trial_end, name="trial_end"),
    path("trials/<str:uid>/judge/", views.trial_judge, name="trial_judge"),
    path("trials/<str:uid>/report.json", views.trial_report, name="trial_report"),
]
