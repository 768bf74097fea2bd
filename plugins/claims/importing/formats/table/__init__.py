"""The portal's own table of claims on other platforms, ``platform-claims/1``."""
