"""What operators see: logs without secrets, and the places where fault tests pull the plug."""
