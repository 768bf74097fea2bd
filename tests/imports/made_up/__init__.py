"""A kind of import that nothing outside this folder names."""
