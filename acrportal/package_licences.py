"""The licence of an installed package, as SPDX writes it where that is possible.

A package states it in one of three ways: as an SPDX expression, as a word of its own, or
as classifiers. Where the statement is ambiguous ("BSD"), the text of the licence decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.spdx import fixup_id, is_expression

_FIELDS = ("License-Expression", "License")
_CLASSIFIER = "License :: OSI Approved :: "
_BY_CLASSIFIER = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# The first text that occurs, in this order.
_BY_TEXT = (
    ("endorse or promote products", "BSD-3-Clause"),
    ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
    ("Permission is hereby granted, free of charge", "MIT"),
    ("Apache License Version 2.0", "Apache-2.0"),
    ("Mozilla Public License Version 2.0", "MPL-2.0"),
)
_TEXT = re.compile(r"\.dist-info/(?:licenses/)?(?:LICENSE|LICENCE|COPYING)(?:\.txt|\.md)?$", re.I)

_factory = LicenseFactory()


def licences_of(package: Distribution) -> list[License]:
    """Return the licences of a package; none if it states none."""
    fields = package.metadata
    stated = next((fields[name] for name in _FIELDS if name in fields), "")
    if fixup_id(stated) or (stated and is_expression(stated)):
        return [licence(stated)]
    classifiers = [
        text.removeprefix(_CLASSIFIER)
        for text in fields.get_all("Classifier") or []
        if text.startswith(_CLASSIFIER)
    ]
    if classifiers and (len(classifiers) > 1 or classifiers[0] in _BY_CLASSIFIER):
        return [licence(_BY_CLASSIFIER.get(text, text)) for text in classifiers]
    if text := next(_texts(package), ""):
        return [licence(text, LicenseAcknowledgement.CONCLUDED)]
    return [licence(text) for text in classifiers or stated.splitlines()[:1]]


def licence(
    text: str, acknowledgement: LicenseAcknowledgement = LicenseAcknowledgement.DECLARED
) -> License:
    """Return a licence by its SPDX id, expression or name."""
    return _factory.make_from_string(text, license_acknowledgement=acknowledgement)


def _texts(package: Distribution) -> Iterator[str]:
    for file in package.files or []:
        if _TEXT.search(str(file)):
            text = " ".join(file.read_text(encoding="utf-8").split())
            yield from (name for words, name in _BY_TEXT if words in text)
