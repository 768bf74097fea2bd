"""The pages, admin screens and own API; no rule that a page alone knows."""
