"""Alembic's entry: runs the migrations on the connection that `migrate` hands over, inside its transaction."""

from alembic import context

from responder.stores.sql.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
