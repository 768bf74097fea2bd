"""What several packages need of storage, queue and network; no rule of the product."""
