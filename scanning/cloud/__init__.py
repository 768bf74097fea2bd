"""Scans in the cloud: made, sent, asked for, deleted; its API is in ``engines``."""

from __future__ import annotations
