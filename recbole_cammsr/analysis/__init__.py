"""Benchmarks, ablations and explanations: what uses a model, and is used by the commands."""
