"""Everything PostgreSQL: tables, and one file for each thing that is kept. Functions take a connection and
say one intention; transactions are opened by the callers."""
