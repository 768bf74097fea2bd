"""Messages and tables of rights that are broken and fed to their readers."""

from __future__ import annotations

from django.core.files.base import File

from base.accounts.models import User
from benchmarks.hostile.tables import MORE, Sample
from imports import services
from imports.models import Import
from plugins.rights.importing.kind import RIGHTS
from plugins.rights.tests.importing.making import NAME, cwr
from plugins.rights.tests.importing.test_ern import ERN_43, ERN_382

_SHARES = b"work_id,work_title,party,right,share_pct\nW1,T,Anna Muster,performing,50\n"


def _samples(user: User) -> list[Sample]:
    def send(file: File[bytes]) -> Import:
        return services.keep_upload(RIGHTS, file=file, sender="X", encoding="utf-8", user=user)

    return [
        Sample("shares.csv", _SHARES, send),
        Sample(NAME, b"".join(cwr(3)), send),
        Sample("message-43.xml", ERN_43.encode(), send),
        Sample("message-382.xml", ERN_382.encode(), send),
    ]


MORE["rights"] = _samples
