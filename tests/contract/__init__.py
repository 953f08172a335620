"""The same hard questions to every vendor of the registry."""
