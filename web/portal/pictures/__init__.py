"""Pictures on pages: ribbons, plots, waveforms, charts, matches."""
