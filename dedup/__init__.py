"""Recordings that share sound, and what is done about them; judges no scanned file."""
