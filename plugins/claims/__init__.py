"""Claims, assets and reference files that platforms report, and how they differ."""
