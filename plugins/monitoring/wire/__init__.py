"""Live streams and unknown content in ACRCloud's wire format."""
