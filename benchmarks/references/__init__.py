"""The same work as others arrange it, which ours is timed against."""
