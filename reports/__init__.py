"""Match reports and cue sheets; changes no match."""
