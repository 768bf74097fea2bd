"""Creates, sends, checks and deletes scans at ACRCloud; ``engines`` holds its API."""

from __future__ import annotations
