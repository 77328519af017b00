"""Signals: what a network is fed, and files as such signals."""
