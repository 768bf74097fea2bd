"""The customer's own lists, as CSV or XLSX."""
