"""PDF files to a Paper; `document.read` is the door, and only `confined.py` starts a process."""
