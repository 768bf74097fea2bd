"""Find sound that returns where nothing matched: songs, jingles and ads yet unknown.

``join`` finds what a new file shares with files that are kept, ``families`` follows
these runs to all places of one sound, ``pieces`` and ``items`` tell single items apart,
``renewal`` keeps items the same after a new file, and ``back`` looks for further
occurrences. Nothing is remembered between calls: runs and items go in and out, and the
index belongs to the caller. Files are joined one at a time, since two at once would not
find each other.
"""
