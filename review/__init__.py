"""What people and rules decided about matches, and why; finds no match itself."""
