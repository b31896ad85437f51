"""Intake: from an event on GitHub to a Job or none. Pure."""
