"""What the stand-ins share: the ledger, the server in a thread, the words of their command lines."""
