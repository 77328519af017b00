"""What can be timed; `registry` has the list."""
