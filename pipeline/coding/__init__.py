"""Coding: from a Plan to a Repository, and what a program can say of its code."""
