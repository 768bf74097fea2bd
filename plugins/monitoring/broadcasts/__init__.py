"""When and where programmes were broadcast, and what declarations ask about them."""
