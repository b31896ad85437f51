"""Work: a request answered, a job fulfilled."""
