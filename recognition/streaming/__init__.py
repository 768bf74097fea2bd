"""Fingerprint a live stream: a confined child decodes bytes while they arrive."""
