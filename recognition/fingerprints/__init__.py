"""Fingerprints: spectrum, landmarks, hashes, the level map, and the stored form."""
