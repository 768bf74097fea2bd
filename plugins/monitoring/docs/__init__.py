"""The guides of streams, broadcasts, unknown sound and declarations."""
