"""Web: the webhook, the pages, the set-up."""

LARGEST = 25 * 2**20
"""Bytes of a body; GitHub's own cap on payloads."""
