"""Repository: what was generated, as relative path → text, and which paths are refused."""
