"""What is on air: streams, broadcasts, unknown sound, declarations; can be left out."""
