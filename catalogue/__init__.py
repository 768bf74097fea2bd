"""What is ours: buckets, recordings and their index; knows no scanned file."""
