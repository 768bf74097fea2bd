"""The weighing of a candidate: its alignment, its extent, and its evidence in bits."""
