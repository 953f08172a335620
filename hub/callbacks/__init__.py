"""Callback requests: taken within budgets, rung within hours, followed by the PBX's events to an end."""
