"""Pages about who gets a caller: the try-out, the VIP list, people's hours, groups."""
