"""Exact ranks, bootstrapped errors, exact tests and bounds of few values, a number among others."""
