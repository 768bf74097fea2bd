"""The application as a whole: settings, addresses, health; no rule of the product."""
