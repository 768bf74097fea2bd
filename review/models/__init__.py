"""The models of this package, one module per subject."""

from __future__ import annotations

from review.models.dispute import Dispute
from review.models.file_figures import FileFigures
from review.models.licence import Licence
from review.models.match import Match
from review.models.match_alias import MatchAlias
from review.models.policy import Policy
from review.models.saved_view import SavedView
from review.models.version_answer import VersionAnswer

__all__ = [
    "Dispute",
    "FileFigures",
    "Licence",
    "Match",
    "MatchAlias",
    "Policy",
    "SavedView",
    "VersionAnswer",
]
