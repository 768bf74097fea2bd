"""Pages, admin screens and the portal's own API; business rules live elsewhere."""
