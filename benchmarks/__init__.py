"""Measured claims: what a study costs with hpo and with what a user would write instead, both sides in one run."""
