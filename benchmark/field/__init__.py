"""Papers × methods × models × samples, and the field's tables of them; `benchmark/run.py` is the command."""
