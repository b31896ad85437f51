"""LaTeX sources to a Paper. Pure; `document.read` is the door."""
