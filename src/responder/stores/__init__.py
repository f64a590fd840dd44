"""What must survive a crash: one SQL schema on SQLite and PostgreSQL."""
