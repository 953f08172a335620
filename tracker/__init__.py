"""The script that customers' sites load; plain JavaScript, run as it stands."""
