"""Recordings that share sound and decisions about them; knows no scanned files."""
