"""Relations that code names directly, without ``ref`` or ``source``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from review.manifest import Manifest, Node

# Schemas of the server, which no project declares.
_SERVER = {"pg_catalog", "information_schema", "timescaledb_information"}
_TEMPLATE = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TEXT = re.compile(r"'(?:[^']|'')*'")
# The part that a function takes of its argument: `extract(epoch from …)`.
_PART_OF = re.compile(r"\(\s*(?!select\b)\w+\s+from\b", re.IGNORECASE)
# Neither `is distinct from a.b`, which compares, nor a call: `from schema.function(…)`.
_QUALIFIED = re.compile(
    r'(?<!distinct )\b(?:from|join)\s+(?:lateral\s+)?"?([a-z_]\w*)"?\s*\.\s*'
    r'"?([a-z_]\w*)\b"?(?!\s*\()',
    re.IGNORECASE,
)


def known_relations(manifest: Manifest) -> set[str]:
    """Return every relation of a project, as ``schema.name``."""
    return {
        f"{node['schema']}.{node.get('alias') or node.get('identifier')}"
        for node in manifest.nodes("model", "seed", "snapshot", "source")
    }


def hard_coded(node: Node, known: set[str]) -> list[str]:
    """Return the relations that the code of a node names directly, by name.

    In SQL: every name with a schema after ``from`` and ``join``, without the server's
    own schemas. In Python: the project's relations in strings that begin like a query.

    Parameters
    ----------
    node
        A node with ``raw_code``, in SQL or Python.
    known
        See `known_relations`.
    """
    if node["language"] == "python":
        queries = _queries(node["raw_code"])
        return sorted({name for name in _read(queries) if name in known})
    code = _COMMENT.sub(" ", _TEMPLATE.sub(" ", node["raw_code"]))
    return sorted(
        set(_read([_PART_OF.sub("(", " ".join(_TEXT.sub("''", code).split()))]))
    )


def _read(queries: list[str]) -> Iterator[str]:
    for query in queries:
        for schema, name in _QUALIFIED.findall(query):
            if schema.lower() not in _SERVER:
                yield f"{schema}.{name}"


def _queries(code: str) -> list[str]:
    return [
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
