"""Platform claims in the portal's own API."""
