"""Batches over HTTP: files in, results out."""
