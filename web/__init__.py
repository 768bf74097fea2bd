"""What people and programs ask over HTTP: pages, admin and the two APIs."""
