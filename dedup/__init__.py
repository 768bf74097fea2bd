"""Recordings that share sound, and what is done about them; knows no scanned files."""
