"""An agent's own page: the calls that ring them now, who is calling, and who waits to be called back."""
