"""Faults: real processes that are killed, real stores that go away, a network that lies; the ledgers are the judge."""
