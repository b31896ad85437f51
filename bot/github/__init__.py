"""GitHub: our calls on it, and who we are towards it."""
