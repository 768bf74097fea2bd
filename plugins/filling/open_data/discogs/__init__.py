"""The data dump of Discogs: releases with their tracks, as XML."""
