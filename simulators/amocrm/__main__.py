"""Runs the simulator from the command line."""

from .cli import command

command()
