"""Shows that runs on several processes keep what they promise, on one machine without a queue."""
