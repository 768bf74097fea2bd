"""Sound out of media files: decoding in a confined child, waveforms and renditions."""
