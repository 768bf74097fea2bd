"""What the test of several machines does on one of them."""

from __future__ import annotations

from base.accounts.models import User
from plugins.filling.sources import add_list
from tests.fixtures import upload


def send_lists() -> None:
    """Send two lists at once."""
    for name in ("first", "second"):
        add_list(
            upload=upload(f"{name}.csv", b"title,isrc\nTune,ZZX012600001\n"),
            name=name,
            accepts_licence=True,
            user=User.objects.get(),
        )
