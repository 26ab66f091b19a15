"""Faults, injected at random moments into the real job: ``python -m benchmarks faults``."""
