"""The rooms of a workspace itself: its users, keys, audit log and settings."""
