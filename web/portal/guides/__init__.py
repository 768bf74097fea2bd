"""The guides as pages, beside the work that they describe."""
