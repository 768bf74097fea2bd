"""A feed on the local site with episodes that a test changes, and watches of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from werkzeug import Request, Response

from base.accounts.models import User
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from base.jobs.services import submit
from scanning.jobs import WATCH_CHECK
from scanning.models import Container, Watch
from scanning.services import watches


@dataclass
class Podcast:
    """A feed on the local site; tests can change its episodes."""

    url: str
    titles: list[str] = field(default_factory=list)
    status: int = 200

    def answer(self, _request: Request) -> Response:
        items = "".join(
            f"<item><title>{escape(title)}</title>"
            f'<enclosure url="/{title}.wav" type="audio/wav" length="1"/></item>'
            for title in self.titles
        )
        body = f"<rss><channel><title>The Show</title>{items}</channel></rss>"
        return Response(body, self.status, content_type="application/rss+xml")


def watch_of(
    container: Container,
    podcast: Podcast,
    user: User,
    *,
    also_present: bool = False,
    **columns: object,
) -> Watch:
    return watches.create_watch(
        watch=Watch(container=container, url=podcast.url, **columns),
        also_present=also_present,
        user=user,
    )


def check_now(watch: Watch) -> Watch:
    """Make the watch due and check it once."""
    submit(WATCH_CHECK, watch)
    assert check_due() == 1
    watch.refresh_from_db()
    return watch


def check_due() -> int:
    """Check the watches that are due; return how many jobs ran."""
    count = 0
    while run_next(Pool.TALK) is not None:
        count += 1
    return count
