"""Alembic's entry: runs on the connection that connect.migrate hands over, inside its transaction and its lock."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
