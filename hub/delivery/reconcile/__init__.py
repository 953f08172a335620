"""Reconciliation: the calls of PBX, hub and CRMs are the same calls, and a daily statement proves it."""
