"""Routing under load: the answer on `/route/<token>`, and reading a large CRM's owners."""
