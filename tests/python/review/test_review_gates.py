"""The gates of `make lint`: the same before a commit, and each catches what it is for.

What `lint-dbt` catches is in `test_review_parse` and `test_review_rules`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Database
from project_copy import PROJECT_DIR, copy_project

BIN = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(
    not (PROJECT_DIR / ".venv" / ".ready").exists(),
    reason="the gates run in .venv: `make setup` makes it",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "project")


def _run(project: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    # Under `make test`, make would speak of the folders it enters.
    outer = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        command,
        cwd=project,
        env={**outer, "RUFF_OUTPUT_FORMAT": "concise", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def _hooks() -> dict[str, dict[str, Any]]:
    [repo] = yaml.safe_load((PROJECT_DIR / ".pre-commit-config.yaml").read_text())[
        "repos"
    ]
    assert repo["repo"] == "local"
    return {hook["id"]: hook for hook in repo["hooks"]}


def _gates() -> list[str]:
    [line] = re.findall(
        r"^GATES := (.*)$", (PROJECT_DIR / "Makefile").read_text(), re.M
    )
    return str(line).split()


def _commands(*targets: str) -> list[str]:
    done = _run(PROJECT_DIR, "make", "--dry-run", "--assume-old=.venv/.ready", *targets)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if not line.startswith("printf")]


def test_hooks_and_lint_run_the_same_commands() -> None:
    hooks = _hooks()
    assert list(hooks) == _gates()
    for name, hook in hooks.items():
        assert hook["entry"] == f"make --no-print-directory {name}"
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False
    each = [command for name in hooks for command in _commands(name)]
    assert each == _commands("lint")
    assert len([line for line in each if not line.startswith("\t")]) == len(hooks)


def test_the_workflow_and_the_template_of_pull_requests_name_lint() -> None:
    workflow = yaml.safe_load((PROJECT_DIR / ".github/workflows/ci.yml").read_text())
    steps = [step.get("run") for step in workflow["jobs"]["lint"]["steps"]]
    assert "make lint" in steps
    assert "make lint" in (PROJECT_DIR / ".github/pull_request_template.md").read_text()


@pytest.mark.parametrize(
    ("path", "gates"),
    [
        ("loaders/run.py", {"lint-ruff", "lint-format", "lint-types"}),
        (
            "python_jobs/trader_profiles.py",
            {"lint-ruff", "lint-format", "lint-types", "lint-dbt"},
        ),
        ("pyproject.toml", {"lint-ruff", "lint-format", "lint-types"}),
        ("requirements.lock", {"lint-types"}),
        ("models/marts/traders/_traders__models.yml", {"lint-dbt", "lint-sql"}),
        ("macros/domain/is_trade.sql", {"lint-dbt", "lint-sql"}),
        ("tests/singular/candles_add_up.sql", {"lint-dbt", "lint-sql"}),
        ("functions/candles_filled.sql", {"lint-dbt"}),
        ("review/exceptions.yml", {"lint-dbt"}),
        ("dbt_project.yml", {"lint-dbt", "lint-sql"}),
        (".sqlfluff", {"lint-sql"}),
        ("docs/formats.md", set()),
    ],
)
def test_a_commit_runs_the_gates_of_what_it_touches(path: str, gates: set[str]) -> None:
    assert (PROJECT_DIR / path).exists()
    found = {name for name, hook in _hooks().items() if re.search(hook["files"], path)}
    assert found == gates


RUFF_SEEDS = {
    "loaders/seeded_1.py": ('"""A."""\nimport os\n', "F401"),
    "loaders/seeded_2.py": ('"""A."""\n\ndef load():\n    pass\n', "D103"),
    "loaders/seeded_3.py": (
        '"""A."""\n\nfill = "1"\nquery = f"select * from fills where tid = {fill}"\n',
        "S608",
    ),
    "loaders/seeded_4.py": ('"""A."""\n\npassword = "of the owner"\n', "S105"),
    "python_jobs/seeded_5.py": (
        '"""A."""\n\nimport datetime\n\nat = datetime.datetime(2025, 7, 1)\n',
        "DTZ001",
    ),
    "devdb/seeded_6.py": ('"""A."""\n\nimport numpy\n\nn = numpy.nan\n', "ICN001"),
    "review/seeded_7.py": ('"""A."""\n\nx = len("a")  # type: ignore\n', "PGH003"),
    # Tests need no docstrings; those that they have keep to the form.
    "tests/python/seeded_8.py": ('"""Has no full stop"""\n', "D400"),
}


def test_ruff_catches_seeded_violations(project: Path) -> None:
    for name, (code, _) in RUFF_SEEDS.items():
        (project / name).write_text(code)
    done = _run(project, "make", "lint-ruff")
    assert done.returncode != 0
    for name, (_, rule) in RUFF_SEEDS.items():
        assert re.search(rf"^{name}:.*: {rule} ", done.stdout, re.M), done.stdout


def test_ruff_format_catches_seeded_violations(project: Path) -> None:
    (project / "loaders" / "seeded.py").write_text("x = {  'a':1 }\n")
    done = _run(project, "make", "lint-format")
    assert done.returncode != 0
    assert "loaders/seeded.py:1:6: unformatted" in done.stdout


@pytest.mark.slow
def test_mypy_is_strict_in_every_package(project: Path, tmp_path: Path) -> None:
    config = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["mypy"]
    packages = config["packages"]
    assert {"loaders", "python_jobs", "dbt_pyjobs", "devdb"} <= set(packages)
    # An unknown type passes unless all is strict.
    code = "def unknown(value):\n    return value\n\n\nfound: dict = {}\n"
    for package in packages:
        (project / package / "seeded.py").write_text(code)
    # So does a method that dbt does not have, unless dbt's types are looked at.
    (project / "dbt_pyjobs" / "seeded.py").write_text(
        code + "from dbt.adapters.base.impl import PythonJobHelper\n"
        "PythonJobHelper.no_such_method()\n"
    )
    cache = tmp_path / "cache"
    if (known := PROJECT_DIR / ".mypy_cache").exists():
        # What `make lint` found, for the files that have not changed.
        shutil.copytree(known, cache)
    done = _run(project, "make", "lint-types", MYPY_CACHE_DIR=str(cache))
    assert done.returncode != 0
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    for package in packages:
        mine = [line for line in errors if line.startswith(f"{package}/seeded.py:")]
        assert any("[no-untyped-def]" in line for line in mine), done.stdout
        assert any("[type-arg]" in line for line in mine), done.stdout
    assert any("no_such_method" in line for line in errors), done.stdout
    assert len(errors) == 2 * len(packages) + 1, done.stdout


# By file: what is replaced by what, and the rule that this breaks.
SQL_SEEDS = {
    "models/staging/hyperliquid/stg_hyperliquid__fills.sql": (
        *("select * from renamed", "SELECT * from renamed"),
        "CP01",
    ),
    "models/rollups/coin_daily.sql": (
        *("group by 1, 2", "group by day, 2"),
        "AM06",
    ),
    "models/marts/traders/trader_win_rates.sql": ("select *", "select  *", "LT01"),
    "tests/singular/ticks_have_their_window.sql": ("select", "select\n\n\n\n", "LT15"),
    # What dbt cannot compile is not passed over.
    "models/marts/market/btc_ohlcv_1m_filled.sql": (
        *("with\n", "{% do run_query('select * from no.such_table') %}\nwith\n"),
        "TMP",
    ),
}
EDITION_SEEDS = {
    "community": ("compression_enabled\n", "compression_enabled AND true\n"),
    "postgres": ("split_part(", "SPLIT_PART("),
}


@pytest.mark.slow
@pytest.mark.editions("postgres", "community")
def test_sqlfluff_catches_seeded_violations_and_nothing_else(
    database: Database, edition: str, project: Path
) -> None:
    """What only one edition compiles is looked at on that edition alone."""
    seeds = {
        **SQL_SEEDS,
        "models/ops/live_jobs.sql": (*EDITION_SEEDS[edition], "CP0"),
    }
    for name, (old, new, _) in seeds.items():
        text = (project / name).read_text()
        assert old in text, name
        (project / name).write_text(text.replace(old, new, 1))
    if edition == "postgres":
        # On such a server `make lint` looks at all files: here every eighth is enough.
        files = {str(path.relative_to(project)) for path in project.rglob("*.sql")}
        left_out = [name for n, name in enumerate(sorted(files - set(seeds))) if n % 8]
        (project / ".sqlfluffignore").write_text("\n".join(left_out))
    done = _run(project, *_sqlfluff(), "--format", "json", **database.env)
    assert done.returncode != 0
    found = _violations(done)
    assert set(found) == set(seeds), found
    for name, (_, _, rule) in seeds.items():
        assert any(code.startswith(rule) for code in found[name]), (name, found[name])


def _sqlfluff() -> list[str]:
    """Return the command of the gate, for a server of the test's own."""
    command = " ".join(_commands("lint-sql")).replace("\\", " ").split()
    return [str(BIN / "sqlfluff"), *command[command.index("sqlfluff") + 1 :]]


def _violations(done: subprocess.CompletedProcess[str]) -> dict[str, set[str]]:
    assert "[{" in done.stdout, done.stdout + done.stderr
    files = json.loads(done.stdout[done.stdout.index("[{") :])
    return {
        file["filepath"]: {violation["code"] for violation in file["violations"]}
        for file in files
        if file["violations"]
    }


# What sqlfluff cannot know of a function that is compiled: that its arguments are no
# columns; and what the template makes is not laid out.
LEFT_OUT = "layout,structure.column_order,references,ambiguous.column_references"


@pytest.mark.slow
@pytest.mark.any_server
def test_the_sql_of_functions_is_looked_at_compiled(
    database: Database, project: Path
) -> None:
    """The templater of sqlfluff does not find functions: it would pass over them."""
    names = [path.stem for path in (project / "functions").glob("*.sql")]
    compile_them = (str(BIN / "dbt"), "compile", "--quiet", "--select", *names)
    done = _run(project, *compile_them, **database.env)
    assert done.returncode == 0, done.stdout
    compiled = list((project / "target" / "compiled").rglob("functions/*.sql"))
    assert sorted(path.stem for path in compiled) == sorted(names)

    def violations() -> dict[str, set[str]]:
        lint = (str(BIN / "sqlfluff"), "lint", "--templater", "raw", "--format", "json")
        files = map(str, compiled)
        return _violations(_run(project, *lint, "--exclude-rules", LEFT_OUT, *files))

    assert violations() == {}
    for path in compiled:
        path.write_text(path.read_text().replace("\nselect\n", "\nSELECT\n"))
    assert violations() == {str(path): {"CP01"} for path in compiled}


@pytest.mark.slow
def test_a_commit_that_breaks_a_gate_is_refused(project: Path, tmp_path: Path) -> None:
    me = {"GIT_CONFIG_GLOBAL": os.devnull, "PRE_COMMIT_HOME": str(tmp_path / "hooks")}
    for role in ("AUTHOR", "COMMITTER"):
        me |= {f"GIT_{role}_NAME": "Reviewer", f"GIT_{role}_EMAIL": "r@example.com"}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"

    def git(*command: str) -> subprocess.CompletedProcess[str]:
        return _run(project, "git", *command, PATH=path, SKIP="lint-types", **me)

    assert git("init", "--quiet").returncode == 0
    assert git("add", "--all").returncode == 0
    assert git("commit", "--quiet", "--message", "All").returncode == 0
    installed = _run(project, str(BIN / "pre-commit"), "install", **me)
    assert installed.returncode == 0, installed.stdout + installed.stderr

    seeded = project / "loaders" / "seeded.py"
    seeded.write_text('"""A."""\n\nimport os\n')
    assert git("add", "--all").returncode == 0
    refused = git("commit", "--message", "Seeded")
    assert refused.returncode != 0
    assert "F401" in refused.stdout + refused.stderr
    assert "Seeded" not in git("log", "--oneline").stdout

    seeded.write_text('"""Nothing to see."""\n')
    assert git("add", "--all").returncode == 0
    passed = git("commit", "--message", "Seeded")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Seeded" in git("log", "--oneline").stdout
