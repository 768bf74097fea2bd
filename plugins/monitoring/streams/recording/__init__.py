"""Record one stream: bytes to a ring on disk, landmarks, a clock, gaps.

It knows neither Django's models nor the catalogue: a ``Sink`` receives what happens.
"""
