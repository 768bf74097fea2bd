"""The weighing of a candidate: its line, its extent, and its evidence in bits."""
