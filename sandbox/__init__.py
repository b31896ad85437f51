"""Runs code that nobody trusts, and says exactly what happened. Knows nothing of papers or models."""
