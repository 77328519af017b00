"""Side-by-side timings of this package: `python -m benchmarks --help`."""
