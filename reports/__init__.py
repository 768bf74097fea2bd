"""Exports: reports, evidence packs, cue sheets; changes no match."""
