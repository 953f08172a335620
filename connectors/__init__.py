"""One folder per outside system, and nothing about that system anywhere else."""
