"""What Alembic runs: the revisions, on the connection and in the transaction that Accord gives it."""

from alembic import context

from accord.workspace.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite too changes tables in a transaction, if only it is told to begin one (accord.workspace.database)
    transactional_ddl=True,
    # SQLite changes a table by making it anew
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
