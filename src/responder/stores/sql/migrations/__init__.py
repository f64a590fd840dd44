"""The history of the schema, for Alembic. Forward only: before each step an SQLite store is copied."""
