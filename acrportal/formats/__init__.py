"""How Django writes dates in the admin: as ``common.reading`` does on the pages."""
