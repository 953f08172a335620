"""The inbox and the outbox under any order of things that happen to them."""
