"""A stand-in for a customer's web site: a page with the tracker on it, and visitors who come, look and call."""
