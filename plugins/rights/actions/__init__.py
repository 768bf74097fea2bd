"""What people do with rights. Each action is one event of the record's case."""
