"""The benchmarks: what each measures, and the section of bench/RESULTS.md that it writes."""
