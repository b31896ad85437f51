"""What a program can find wrong in plans, code and patches without running them. Pure."""
