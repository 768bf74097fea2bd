"""Views of the wire format."""
