"""Platform claims: lists of differences, claims, assets and values."""
