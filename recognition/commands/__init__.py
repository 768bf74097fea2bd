"""The commands of ``acrfp`` for many files: make, send, watch, plot."""
