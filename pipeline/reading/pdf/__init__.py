"""PDF files to a Paper; `document.read` is the door, and only `pages.py` starts a process."""
