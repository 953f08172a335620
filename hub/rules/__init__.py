"""Rules of CRM connections in the database: versions, drafts, dry runs, and what the planner is told."""
