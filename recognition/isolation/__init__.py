"""Run everything that touches untrusted media in confined child processes."""

from __future__ import annotations
