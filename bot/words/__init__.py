"""Words: what people read on GitHub. Pure."""
