"""The databases whose tables can be followed: which one an address means. How each is asked is in its own file."""

import re

from ringback.errors import UnusableSetting
from ringback.following.addresses import Address
from ringback.following.table import Table

_TABLE = re.compile(r"[\w$-]{1,64}(\.[\w$-]{1,64})?")


def open_table(address: Address, table: str) -> Table:
    """Return the table at an address, not connected yet; raises `UnusableSetting` for what is no table's name."""
    if not _TABLE.fullmatch(table):
        raise UnusableSetting(f"--table should be a table's name, such as cdr or asterisk.cdr, not {table[:80]!r}")
    if address.kind == "mysql":
        from ringback.following.mysql import MysqlTable

        return MysqlTable(address, table)
    from ringback.following.postgresql import PostgresqlTable

    return PostgresqlTable(address, table)
