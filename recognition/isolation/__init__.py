"""Runs what touches untrusted media in limited child processes."""

from __future__ import annotations
