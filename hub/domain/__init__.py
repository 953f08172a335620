"""The words that everybody uses. Pure: no I/O, no clock, nothing of ours imported."""
