"""A store in a PostgreSQL database, alone or sharded by app with Citus. `store.py` is its contract; open it there."""
