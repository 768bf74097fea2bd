"""Serializers of the wire format."""
