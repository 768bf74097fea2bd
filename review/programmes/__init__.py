"""What files are as programmes, and how they use music."""
