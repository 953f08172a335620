"""`python -m hub.cli`: how the supervisor starts its children, whatever is on the PATH."""

from hub.cli import main

main()
