"""URLs of takedown notices."""

from __future__ import annotations

from django.urls import path

from plugins.notices.pages import file_views, views
from plugins.notices.pages.lists import NOTICES

urlpatterns = [
    path("notices/", NOTICES.view, name="notice_list"),
    path("notices/prepare/", views.notice_prepare, name="notice_prepare"),
    path("notices/<str:uid>/", views.notice, name="notice"),
    path("notices/<str:uid>/edit/", views.notice_edit, name="notice_edit"),
    path("notices/<str:uid>/sign/", views.notice_sign, name="notice_sign"),
    path("notices/<str:uid>/sent/", views.notice_sent, name="notice_sent"),
    path("notices/<str:uid>/answer/", views.notice_answer, name="notice_answer"),
    path("notices/<str:uid>/withdraw/", views.notice_withdraw, name="notice_withdraw"),
    path("notices/<str:uid>/act/", views.notice_act, name="notice_act"),
    path("notices/<str:uid>/print/", file_views.notice_print, name="notice_print"),
    path("notices/<str:uid>/pdf", file_views.notice_pdf, name="notice_pdf"),
    path("notices/<str:uid>/text", file_views.notice_text, name="notice_text_file"),
    path("notices/<str:uid>/zip", file_views.notice_zip, name="notice_zip"),
]
