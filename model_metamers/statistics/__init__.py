"""Exact ranks, bootstrapped errors, exact tests and bounds of few values, Holm's adjustment."""
