"""Users, roles and access limits; imports nothing of the work that they govern."""
