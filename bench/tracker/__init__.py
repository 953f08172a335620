"""How fast numbers are handed out and kept, with few and with very many live visits."""
