"""From a paper to a repository that implements it. Knows nothing of GitHub."""
