"""Proving: what of the paper is in the repository, and the report that says so."""
