"""Listens to GitHub, has the pipeline do the work, and answers on GitHub."""
