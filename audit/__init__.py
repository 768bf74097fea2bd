"""Events, append-only and chained; knows no other model of the product."""
