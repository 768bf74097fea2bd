"""Our catalogue: buckets, recordings and their index; knows no scanned files."""
