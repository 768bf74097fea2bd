"""Scans of a catalogue whose recordings lie in several partitions.

``scanning`` asks questions; each partition ``answering`` looks only at its own index; the
answers of all are merged, and everything else is done as in one index.
"""
