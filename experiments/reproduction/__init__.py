"""The paper in one command: which runs, on which stimuli, and what they say of its claims."""
