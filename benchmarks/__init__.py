"""Benchmarks: each figure with a named peer, measured in the same run."""
