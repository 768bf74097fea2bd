"""The search that every page offers, and the choices of search boxes in forms."""
