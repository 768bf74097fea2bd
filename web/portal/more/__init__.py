"""The page *More*: features that nobody has used yet."""
