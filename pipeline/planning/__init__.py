"""Planning: from a Paper to a Plan, asked for in steps and checked by program."""
