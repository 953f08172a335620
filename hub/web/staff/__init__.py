"""The table of who is who on a page: the same form, words and template wherever it is shown."""
