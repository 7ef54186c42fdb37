"""All SQL of the PostgreSQL store, gathered from its modules. No assertions here."""

import ast
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from ringback.storage import postgresql
from ringback.storage.postgresql import schema

_VERB = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|COPY|TRUNCATE|LOCK|MERGE)\b(?! \d+$)")  # no "UPDATE 0"
_NAMES = "|".join(schema.DISTRIBUTED)
_READ = re.compile(rf"(?:\b(?:FROM|JOIN|USING|UPDATE)|,)\s+({_NAMES})\b(?:\s+(?!SET|WHERE|ORDER)(\w+))?")
_INSERTED = re.compile(rf"INSERT INTO (?:{_NAMES})\b")
_WRITTEN = re.compile(rf"INSERT INTO (?:{_NAMES}) \(app_id, [^()]*\)\s+(?:VALUES \(\$1, |SELECT a\.app_id, )")

EVERY_APP = {"APP_IDS", "MEASURES"}  # of all apps: which there are, and what the whole weighs
NO_APP = {"READY", "TRIES", "SPEND", "DROP_OVER", "KNOW", "FORGET", "TAKE_DUTY", "LEAVE_DUTY"}  # not distributed tables


def modules() -> Iterator[ModuleType]:
    """Yield the store's modules, but for the one that changes the schema itself."""
    for found in pkgutil.iter_modules(postgresql.__path__):
        if found.name not in ("schema", "migrations"):
            yield import_module(f"ringback.storage.postgresql.{found.name}")


def statements() -> dict[str, str]:
    """Return every statement by its module and name; parts that statements are put together from are left out."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, str) and not name.startswith("_") and _VERB.match(value)
    }


def is_of_one_app(statement: str) -> bool:
    """Tell whether each table it names, as often as it does, is bound to the app by the first parameter itself."""
    if _INSERTED.search(statement) and not _WRITTEN.search(statement):
        return False
    named = Counter(f"{alias}.app_id = $1" if alias else "WHERE app_id = $1" for _, alias in _READ.findall(statement))
    return all(statement.count(bound) >= times for bound, times in named.items())


def loose_statements() -> list[str]:
    """Return SQL that stands in the midst of the code, where no test would see it."""
    return [
        f"{module.__name__}: {node.value}"
        for module in modules()
        for function in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VERB.match(node.value)
    ]
