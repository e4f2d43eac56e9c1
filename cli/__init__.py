"""The command line: scores patients and files, looks after jobs and batches, and finds what is wrong.

Knows the service through its public API, by the Python client, and of core what a patient and a setting are.
"""
