"""Exact ranks and bootstrapped errors."""
