"""The search of a catalogue: candidates, sweep, cascade, and what a scan returns."""
