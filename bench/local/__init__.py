"""Runs whole services on this machine, for benchmarks and tests alike: real programs, each in a process of its own."""
