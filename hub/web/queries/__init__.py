"""What pages and API read, each query with its workspace first."""
