"""Sites as they live: numbers handed out and taken back, visits kept, calls answered for."""
