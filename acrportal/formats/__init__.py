"""How Django writes dates in the admin: as ``base.common.reading`` does on the pages."""
