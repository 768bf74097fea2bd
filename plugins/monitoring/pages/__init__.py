"""The pages of streams, broadcasts, unknown sound and declarations."""
