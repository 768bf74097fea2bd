"""BWARM: DDEX's tables of works and recordings, as The MLC and others send them."""
