"""MusicBrainz: the dump ``mbdump.tar.bz2`` and its sample ``mbdump-sample.tar.xz``."""
