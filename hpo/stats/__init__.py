"""Estimates, tests and verdicts over arrays: numpy and scipy only, no input or output."""
