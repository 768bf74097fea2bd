"""A folder of formats beside those of the portal."""
