"""Background work: one table of jobs, one way to run them, one place to look at them."""
