"""The Terraform code as Python values: what the rules in `terraform_rules` read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

from pgio.connection import PROJECT_DIR

TERRAFORM = PROJECT_DIR / "terraform"


@dataclass(frozen=True)
class Module:
    """A folder of Terraform code.

    Attributes
    ----------
    name
        Below ``terraform/``: ``modules/network``, say.
    path
        Of the folder.
    blocks
        Kind of block (``resource``, ``variable``, …) to its blocks, each a mapping from
        labels, one inside the other, to the body.
    """

    name: str
    path: Path
    blocks: dict[str, list[dict[str, Any]]]

    def labelled(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return blocks with one label, such as variables: name to body."""
        return {
            name: body
            for block in self.blocks.get(kind, [])
            for name, body in block.items()
        }

    def typed(self, kind: str, type_: str) -> dict[str, dict[str, Any]]:
        """Return blocks with two labels, such as resources of one type."""
        return {
            name: body
            for block in self.blocks.get(kind, [])
            if type_ in block
            for name, body in block[type_].items()
        }

    @property
    def locals(self) -> dict[str, Any]:
        """The local values."""
        return {
            name: value
            for block in self.blocks.get("locals", [])
            for name, value in block.items()
        }

    @property
    def text(self) -> str:
        """All of the code, comments left out."""
        lines = [
            line
            for file in sorted(self.path.glob("*.tf"))
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
        return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def read_modules(root: Path = TERRAFORM) -> dict[str, Module]:
    """Parse every folder with Terraform code below `root`: name to module."""
    folders = sorted({file.parent for file in root.rglob("*.tf")})
    return {
        (name := folder.relative_to(root).as_posix()): Module(
            name, folder, _blocks(folder)
        )
        for folder in folders
    }


def _blocks(folder: Path) -> dict[str, list[dict[str, Any]]]:
    blocks: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(folder.glob("*.tf")):
        with file.open(encoding="utf-8") as text:
            for kind, found in _plain(hcl2.load(text)).items():
                blocks.setdefault(kind, []).extend(found)
    return blocks


def _plain(value: Any) -> Any:
    """Remove the parser's quotes around strings and its markers of blocks."""
    if isinstance(value, dict):
        return {
            _plain(key): _plain(inner)
            for key, inner in value.items()
            if not key.startswith("__")
        }
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value
