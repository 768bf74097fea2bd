"""Code that the pages of several features share."""
