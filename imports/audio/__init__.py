"""Audio for recordings that wait for it."""
