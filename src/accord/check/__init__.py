"""The victim check: a member of the public learns whether their own address was seen, and nothing else."""
