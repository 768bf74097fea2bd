"""Request bodies that programs send to the two APIs, by address and method."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from catalogue.models import Bucket, Recording
from imports.kinds import all_kinds
from reports.choices import Format, Mode
from review.choices import DisputeCode, RejectCode, Verb
from review.models import Licence, Match
from review.programmes.choices import CueUse, MusicOrigin
from scanning.models import Container, ResumableUpload
from statements.models import Statement
from tests.registered import SEASON, Table
from tests.season import samples
from tests.season.people import Answer, Person
from tests.season.routes import Route

Json = dict[str, Any]  # Any: JSON

PORTAL = "api/portal/v1"
_CONTAINER = "api/fs-containers/<str:container_id>"
_BUCKET = "api/buckets/<str:bucket_id>"


def pk_of(model: type[Container] | type[Bucket], rng: random.Random) -> int:
    return int(rng.choice(list(model._base_manager.values_list("pk", flat=True))))


def _decision(path: str, rng: random.Random) -> Json:
    match = Match._base_manager.get(uid=path.split("/")[5])
    licences = list(Licence.objects.values_list("uid", flat=True))
    body: Json = {
        "version": match.version - (rng.random() < 0.1),
        "verb": rng.choice(list(Verb)).value,
        "note": rng.choice(["", "By the programme that we wrote."]),
    }
    if body["verb"] == Verb.REJECT or rng.random() < 0.1:
        body["reason"] = rng.choice(list(RejectCode)).value
    if body["verb"] == Verb.CLEAR and licences and rng.random() < 0.5:
        body["licence"] = rng.choice(licences)
    return body


def _version_answer(path: str, rng: random.Random) -> Json:
    match = Match._base_manager.get(uid=path.split("/")[5])
    heard = [candidate.recording.uid for candidate in match.candidates.all()]
    return {
        "candidate": rng.choice([*heard, match.recording.uid]),
        "stands": rng.choice([*heard, match.recording.uid, ""]),
    }


def _dispute(path: str, rng: random.Random) -> Json:
    match = Match._base_manager.get(uid=path.split("/")[5])
    return {
        "version": match.version,
        "code": rng.choice(list(DisputeCode)).value,
        "statement": rng.choice(["", "It is ours."]),
    }


def _keeping(path: str, rng: random.Random) -> Json:
    statement = Statement.objects.get(uid=path.split("/")[5])
    return {
        "differs_sha256": rng.choice([statement.differs_sha256] * 3 + ["0" * 64]),
        "why": rng.choice(["Agreed with the station.", " "]),
        "until": rng.choice([None, f"{datetime.now(tz=UTC):%Y-%m-%d}"]),
    }


def _report(_path: str, rng: random.Random) -> Json:
    return {
        "name": "By the programme",
        "mode": rng.choice(list(Mode)).value,
        "format": rng.choice(list(Format)).value,
    }


def _container(_path: str, rng: random.Random) -> Json:
    return {
        "name": f"Programme desk {rng.randrange(100)}",
        "region": "eu-west-1",
        "audio_type": "linein",
        "buckets": [{"id": pk_of(Bucket, rng)}],
        "engine": rng.choice([1, 1, 3]),
        "policy": {"type": "traverse", "interval": 0, "rec_length": 10},
        "callback_url": "",
    }


def _bucket(_path: str, rng: random.Random) -> Json:
    return {
        "name": f"Bucket {rng.randrange(100)}",
        "region": "eu-west-1",
        "type": rng.choice(["File", "DeDup_File"]),
    }


def _moved(_path: str, rng: random.Random) -> Json:
    # What is hidden stays hidden.
    rows = Recording._base_manager.exclude(title__contains=samples.HIDDEN)
    ids = list(rows.values_list("pk", flat=True))
    return {"target_bucket_id": pk_of(Bucket, rng), "ids": rng.sample(ids, 1)}


def _hash_of_sound(_path: str, rng: random.Random) -> Json:
    sound = samples.some_sound(rng).read()
    return {"container": pk_of(Container, rng), "sha256": hashlib.sha256(sound).hexdigest()}


def begin_upload(person: Person, path: str, rng: random.Random) -> Answer:
    """Announce a sample; its first byte of the name says which."""
    number = rng.randrange(samples.PROGRAMMES)
    fields = {"filename": f"{number}.wav", "container": str(pk_of(Container, rng))}
    return person.send_bytes(
        "POST",
        path,
        b"",
        {
            "Upload-Length": str(len(samples.programme(number))),
            "Upload-Metadata": ",".join(
                f"{name} {base64.b64encode(word.encode()).decode()}"
                for name, word in fields.items()
            ),
        },
    )


def _send_piece(person: Person, path: str, rng: random.Random) -> Answer:
    """Send the rest of an upload, a part of it, or a piece that came already."""
    upload = ResumableUpload._base_manager.get(uid=path.split("/")[5])
    at = upload.offset_bytes if rng.random() < 0.9 else 0
    programme = samples.programme(int(upload.name[0]))[at:]
    piece = programme if rng.random() < 0.7 else programme[: rng.randrange(len(programme) + 1)]
    return person.send_bytes("PATCH", path, piece, {"Upload-Offset": str(at)})


def _named(_path: str, rng: random.Random) -> Json:
    ids = list(Recording._base_manager.values_list("pk", flat=True))
    return {"ids": rng.sample(ids, 1)}


def _use(path: str, rng: random.Random) -> Json:
    matches = Match._base_manager.filter(scanned_file__uid=path.split("/")[5])
    recordings = list(matches.order_by("pk").values_list("recording__uid", flat=True))
    return {
        "recording": rng.choice(recordings) if recordings else "unknown",
        "use": rng.choice(["", *CueUse.values]),
        "origin": rng.choice(["", *MusicOrigin.values]),
        "live": rng.choice([None, True, False]),
        "recorded_in": rng.choice(["", "CH", "XX"]),
    }


_IMPORTED = [kind.key for kind in all_kinds() if kind.uploads]


NEW_IMPORTS: Table[str, Callable[[random.Random], Json]] = Table({}, SEASON)
"""What begins an import of a plug-in, by its kind."""


def _new_import(kind: str, rng: random.Random) -> Json:
    """Return what begins an import; a plug-in's can be read if it says how."""
    if kind in NEW_IMPORTS:
        return NEW_IMPORTS[kind](rng)
    table = SimpleUploadedFile("table.csv", b"title,isrc\nA tune,GBAYE0000001\n")
    return {
        **({"bucket": pk_of(Bucket, rng)} if kind in ("recordings", "audio") else {}),
        **({"container": pk_of(Container, rng)} if kind == "results" else {}),
        "file": table,
        "table": table,
    }


# JSON bodies by address and method; None sends no body.
BODIES: Table[tuple[str, str], Callable[[str, random.Random], Json] | None] = Table(
    {
        (f"{PORTAL}/files/<uuid:uid>/rescan/", "POST"): None,
        (f"{PORTAL}/files/<uuid:uid>/cancel/", "POST"): None,
        (f"{PORTAL}/files/<uuid:uid>/episode/", "PUT"): lambda _path, rng: {
            "series": rng.choice(["", "Pier Stories"]),
            "season": str(rng.randrange(3)),
            "title": rng.choice(samples.WORDS),
        },
        (f"{PORTAL}/files/<uuid:uid>/uses/", "PUT"): _use,
        (f"{PORTAL}/files/known/", "POST"): _hash_of_sound,
        (f"{PORTAL}/uploads/<uuid:uid>/", "DELETE"): None,
        (f"{PORTAL}/uploads/<uuid:uid>/finish/", "POST"): lambda _path, rng: {
            "programme": rng.choice(samples.WORDS),
            "scan_again": rng.random() < 0.5,
        },
        (f"{PORTAL}/links/read/", "POST"): lambda _path, rng: {
            "text": rng.choice(samples.TEXTS["links"])
        },
        (f"{PORTAL}/links/", "POST"): lambda _path, rng: {
            "container": pk_of(Container, rng),
            "links": rng.choice(samples.TEXTS["links"]).splitlines(),
        },
        (f"{PORTAL}/matches/<str:uid>/decisions/", "POST"): _decision,
        (f"{PORTAL}/matches/<str:uid>/disputes/", "POST"): _dispute,
        (f"{PORTAL}/matches/<str:uid>/version-answers/", "POST"): _version_answer,
        (f"{PORTAL}/statements/<str:uid>/keep/", "POST"): _keeping,
        (f"{PORTAL}/statements/<str:uid>/withdraw/", "POST"): lambda _path, _rng: {
            "why": "By the programme."
        },
        **{(f"{PORTAL}/imports/{kind}/<str:uid>/start/", "POST"): None for kind in _IMPORTED},
        **{
            (f"{PORTAL}/imports/{kind}/<str:uid>/undo/", "POST"): lambda _path, rng: {
                "verb": rng.choice(["check", "undo", "keep"])
            }
            for kind in _IMPORTED
        },
        (f"{PORTAL}/reports/", "POST"): _report,
        (f"{PORTAL}/reports/stream/", "POST"): _report,
        (f"{PORTAL}/reports/<str:uid>/cancel/", "POST"): None,
        ("api/fs-containers", "POST"): _container,
        (_CONTAINER, "PUT"): _container,
        (_CONTAINER, "DELETE"): None,
        (f"{_CONTAINER}/files/<str:ids>", "DELETE"): None,
        (f"{_CONTAINER}/files/<str:ids>/rescan", "PUT"): None,
        ("api/buckets", "POST"): _bucket,
        (_BUCKET, "PUT"): lambda _path, rng: {"name": f"Bucket {rng.randrange(100)}"},
        (_BUCKET, "DELETE"): None,
        (f"{_BUCKET}/files", "DELETE"): _named,
        (f"{_BUCKET}/files/move", "POST"): _moved,
        (f"{_BUCKET}/files/<str:ids>", "PUT"): lambda _path, rng: {
            "title": rng.choice(["Renamed by a programme", "Tune"]),
            "user_defined": {"label": "Programme label"},
        },
        (f"{_BUCKET}/files/<str:ids>", "DELETE"): None,
        (f"{_BUCKET}/files/<str:ids>/move", "PUT"): None,
        (f"{_BUCKET}/dedup-files/<str:ids>", "DELETE"): None,
    },
    SEASON,
)


def _sound_for_container(rng: random.Random) -> Json:
    if rng.random() < 0.3:
        links = [link for link in samples.TEXTS["links"] if link.endswith("0.wav")]
        return {"data_type": "audio_url", "url": rng.choice(links)}
    return {"data_type": "audio", "file": samples.some_sound(rng)}


def _upload(rng: random.Random) -> Json:
    return {
        "container": pk_of(Container, rng),
        "file": samples.some_sound(rng),
        "scan_again": rng.random() < 0.5,
    }


# Forms with files.
_FORMS: dict[tuple[str, str], Callable[[random.Random], Json]] = {
    (f"{PORTAL}/files/", "POST"): _upload,
    (f"{PORTAL}/files/<uuid:uid>/audio/", "POST"): lambda rng: {"file": samples.some_sound(rng)},
    **{(f"{PORTAL}/imports/{kind}/", "POST"): partial(_new_import, kind) for kind in _IMPORTED},
    (f"{_CONTAINER}/files", "POST"): _sound_for_container,
    (f"{_BUCKET}/files", "POST"): lambda rng: {
        "title": "By the programme",
        "audio_id": f"P-{rng.randrange(5)}",
        "data_type": "audio",
        "file": samples.some_recording(rng),
    },
    (f"{_BUCKET}/dedup-files", "POST"): lambda rng: {
        "id": f"D-{rng.randrange(5)}",
        "db_if_nodup": rng.choice(["0", "1"]),
        "file": samples.some_recording(rng),
    },
}

# Calls whose headers matter.
_WITH_HEADERS: dict[tuple[str, str], Callable[[Person, str, random.Random], Answer]] = {
    (f"{PORTAL}/uploads/", "POST"): begin_upload,
    (f"{PORTAL}/uploads/<uuid:uid>/", "PATCH"): _send_piece,
}


@cache
def destructive() -> frozenset[tuple[str, str]]:
    """Return calls to make rarely: each removes objects that other steps need."""
    return frozenset(key for key in BODIES if key[1] == "DELETE" and "files" not in key[0])


def is_known(route: Route, method: str) -> bool:
    """Return whether the address has a body to send."""
    key = (route.route, method)
    return method == "GET" or any(key in table for table in (BODIES, _FORMS, _WITH_HEADERS))


def call(person: Person, route: Route, method: str, rng: random.Random) -> Answer | None:
    """Call an address for an existing object; return None if there is no such object."""
    path = route.path(rng)
    if path is None:
        return None
    key = (route.route, method)
    if key in _WITH_HEADERS:
        return _WITH_HEADERS[key](person, path, rng)
    if key in _FORMS:
        return person.upload(path, _FORMS[key](rng))
    make = BODIES.get(key)
    return person.call(method, path, make(path, rng) if make else None)
