"""Alembic's entry: migrates over the connection that `hub.db.migrate` hands in."""

from __future__ import annotations

from alembic import context

from hub.db import callbacks, dials, directory, identities, routing, rules, statements, tracking, work
from hub.db.tables import Base

assert callbacks
assert dials
assert identities
assert routing
assert rules
assert statements
assert work
assert directory
assert tracking  # their tables must be known to the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    user_module_prefix="types.",
)
context.run_migrations()
