"""What people and messages do with rights: claims, actions, conflicts."""
