"""Running: a repository in the sandbox, repaired until it runs or given up."""
