"""Storage, queue, network and HTTP helpers shared by packages; no product rules."""
