"""BMI's electronic log."""
