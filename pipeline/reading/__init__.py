"""Reading: from an arXiv reference or a file to a Paper whose passages can be quoted and found."""
