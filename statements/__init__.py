"""What people sign, send or hand over: what it said, and whether it still holds."""
