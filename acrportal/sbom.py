"""Writes the bill of materials in CycloneDX 1.6: ``python -m acrportal.sbom [FILE]``.

It lists the packages of ``requirements/runtime.txt`` with their licences and the hashes of
their files, the shared libraries inside their installed wheels (FFmpeg's in PyAV's), and
the JavaScript in ``static/vendor``. Its time is that of the source, so equal sources on the
same platform give equal bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distribution
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement

from acrportal.package_licences import licence, licences_of
from recognition.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
_RUNTIME = "requirements/runtime.txt"
_PIN = re.compile(r"^([a-z0-9_.-]+)==([^\s\\]+)((?: \\\n +--hash=\S+)*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:(\w+)")
_DIRECT = re.compile(r"^[A-Za-z0-9_.-]+", re.MULTILINE)
# auditwheel names a library libavcodec-5e6b81c2.so.62.28.102.
_LIBRARY = re.compile(r"\.libs/(lib[\w+-]+?)-[0-9a-f]{8}[\w-]*\.so\.?([\d.]*)$")
_VENDORED = re.compile(r"^(.+)-(\d[\d.]*)$")
_NPM_NAMES = {"htmx": "htmx.org"}
# As their texts say, which lie beside them.
_NPM_LICENCES = {"htmx.org": "0BSD", "js-sha256": "MIT", "tus-js-client": "MIT"}
# What of a wheel's content is under another licence than the package (docs/licensing.md).
_LIBRARY_LICENCES = {"libx264": "GPL-2.0-or-later", "libx265": "GPL-2.0-or-later"}


class BrokenBill(Exception):
    """The document does not follow the schema; a fault of this module."""


def main() -> None:
    """Write the document to a file or the standard output."""
    text = bill_of_materials(built_at())
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def built_at() -> datetime:
    """Return the time of the source: ``SOURCE_DATE_EPOCH``, or that of the commit.

    Without git, it is the time of the pins: a release gives every file that of its commit.
    """
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return datetime.fromtimestamp(int(epoch), tz=UTC)
    if (ROOT / ".git").exists():
        asked = ["git", "log", "-1", "--format=%ct"]
        epoch = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603 - git itself
        return datetime.fromtimestamp(int(epoch), tz=UTC)
    return datetime.fromtimestamp(int((ROOT / _RUNTIME).stat().st_mtime), tz=UTC)


def bill_of_materials(time: datetime) -> str:
    """Return the document of a time, which follows the schema."""
    bom = Bom()
    bom.metadata.timestamp = time
    portal = Component(
        name="acrportal",
        version=VERSION,
        type=ComponentType.APPLICATION,
        bom_ref="acrportal",
        licenses=[licence("Apache-2.0")],
    )
    bom.metadata.component = portal
    packages = dict(_packages())
    for component in (*packages.values(), *_vendored()):
        bom.components.add(component)
    direct = (ROOT / "requirements/runtime.in").read_text(encoding="utf-8")
    names = [_normal(name) for name in _DIRECT.findall(direct)]
    bom.register_dependency(portal, [packages[n] for n in names if n in packages])
    for name, component in packages.items():
        needed = sorted(_required(distribution(name)) & packages.keys())
        bom.register_dependency(component, [packages[name] for name in needed])
    digest = hashlib.sha256(JsonV1Dot6(_number_document(bom, 0)).output_as_string().encode())
    _number_document(bom, int.from_bytes(digest.digest()[:16]))
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise BrokenBill(str(fault))
    return f"{text}\n"


def _number_document(bom: Bom, number: int) -> Bom:
    """Number the document by its content; the library's numbers are random."""
    bom.serial_number = uuid.UUID(int=number, version=4)
    return bom


def _packages() -> Iterator[tuple[str, Component]]:
    pins = (ROOT / _RUNTIME).read_text(encoding="utf-8")
    for name, version, hashes in _PIN.findall(pins):
        purl, installed = PackageURL("pypi", None, name, version), distribution(name)
        yield (
            name,
            Component(
                name=name,
                version=version,
                type=ComponentType.LIBRARY,
                bom_ref=str(purl),
                purl=purl,
                licenses=licences_of(installed),
                components=list(_libraries(str(purl), installed)),
                external_references=[
                    ExternalReference(
                        type=ExternalReferenceType.DISTRIBUTION,
                        url=XsUri(_RUNTIME),
                        comment="hashes of the files of this release",
                        hashes=[_sha256(digest) for digest in _HASH.findall(hashes)],
                    )
                ],
            ),
        )


def _libraries(package: str, installed: Distribution) -> Iterator[Component]:
    for file in sorted(map(str, installed.files or [])):
        if match := _LIBRARY.search(file):
            name, version = match.groups()
            yield Component(
                name=name,
                version=version or None,
                type=ComponentType.LIBRARY,
                bom_ref=f"{package}#{Path(file).name}",
                licenses=[licence(_LIBRARY_LICENCES[name])] if name in _LIBRARY_LICENCES else None,
            )


def _required(installed: Distribution) -> set[str]:
    """Return the packages that one needs on this platform, without its extras."""
    needed = [Requirement(text) for text in installed.requires or []]
    return {
        _normal(requirement.name)
        for requirement in needed
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _vendored() -> Iterator[Component]:
    for folder in sorted((ROOT / "static/vendor").iterdir()):
        match = _VENDORED.match(folder.name)
        if match is None:
            continue
        name, version = match.groups()
        purl = PackageURL("npm", None, _NPM_NAMES.get(name, name), version)
        for script in sorted(folder.glob("*.js")):
            digest = hashlib.sha256(script.read_bytes()).hexdigest()
            yield Component(
                name=purl.name,
                version=version,
                type=ComponentType.LIBRARY,
                bom_ref=f"{purl}#{script.name}",
                purl=purl,
                licenses=[licence(_NPM_LICENCES[purl.name])],
                hashes=[_sha256(digest)],
            )


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


if __name__ == "__main__":
    main()
