"""URLs of statements."""

from __future__ import annotations

from django.urls import path

from web.portal.statements import views
from web.portal.statements.lists import STATEMENTS

urlpatterns = [
    path("statements/", STATEMENTS.view, name="statement_list"),
    path("statements/<str:uid>/", views.statement, name="statement"),
    path("statements/<str:uid>/keep/", views.statement_keep, name="statement_keep"),
    path("statements/<str:uid>/withdraw/", views.statement_withdraw, name="statement_withdraw"),
    path("statements/<str:uid>/files/<str:form>", views.statement_file, name="statement_file"),
]
