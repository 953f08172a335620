"""The pictures of the documentation, taken from the demo: `make pictures`."""
