"""The first ten minutes: from an empty workspace to the first call in the CRM, page by page."""
