"""The Terraform code keeps its rules, and each rule catches what breaks it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import terraform_rules as rules
from terraform_tree import TERRAFORM, Module, read_modules

MODULES = read_modules()
CALLS = [
    (name, call)
    for name, module in MODULES.items()
    for call in module.labelled("module")
]


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: rules.Rule) -> None:
    assert rule(MODULES) == []


ALLOW_ALL = """
data "aws_iam_policy_document" "seeded" {{
  statement {{
    actions   = ["{actions}"]
    resources = ["*"]
  }}
}}
"""
OPEN_PORT = """
resource "aws_vpc_security_group_ingress_rule" "seeded" {{
  security_group_id = aws_security_group.database.id
  description       = "{description}"
  from_port         = {port}
  to_port           = {port}
  {source}
}}
"""
FROM_GROUP = "referenced_security_group_id = aws_security_group.etl.id"
FROM_ALL = 'cidr_ipv4 = "0.0.0.0/0"'

# Rule, file, what is replaced there (None: added at its end), by what.
SEEDED = [
    (rules.no_open_statement, "etl/main.tf", None, ALLOW_ALL.format(actions="*")),
    (rules.no_open_statement, "etl/main.tf", None, ALLOW_ALL.format(actions="s3:*")),
    (
        rules.policies_are_documents,
        "etl/main.tf",
        "data.aws_iam_policy_document.etl.json",
        "jsonencode({ Statement = [] })",
    ),
    (
        rules.roles_touch_their_objects,
        "database/iam.tf",
        'backup_prefix}/*"]\n  }',
        'backup_prefix}*"]\n  }',
    ),
    (rules.roles_touch_their_objects, "database/iam.tf", "/${var.backup_prefix}", ""),
    (
        rules.roles_touch_their_objects,
        "etl/main.tf",
        '["s3:GetObject"]',
        '["s3:GetObject", "s3:PutObject"]',
    ),
    (rules.buckets_are_closed, "storage/main.tf", '"Enabled"\n  }', '"Off"\n  }'),
    (
        rules.buckets_are_closed,
        "storage/main.tf",
        "block_public_acls       = true",
        "block_public_acls       = false",
    ),
    (
        rules.buckets_are_closed,
        "storage/main.tf",
        '"aws_s3_bucket_server_side_encryption_configuration" "this" {\n'
        "  for_each = local.buckets",
        '"aws_s3_bucket_server_side_encryption_configuration" "this" {\n'
        '  for_each = toset(["landing"])',
    ),
    (rules.buckets_are_closed, "storage/policies.tf", '"Deny"', '"Allow"'),
    (
        rules.buckets_are_closed,
        "storage/policies.tf",
        'values   = ["false"]',
        'values   = ["true"]',
    ),
    (
        rules.buckets_are_closed,
        "storage/main.tf",
        None,
        '\nresource "aws_s3_bucket" "bare" {\n  for_each = local.buckets\n}\n',
    ),
    (
        rules.ports_are_listed,
        "network/security_groups.tf",
        None,
        OPEN_PORT.format(description="SSH", port=22, source=FROM_GROUP),
    ),
    (
        rules.ports_are_listed,
        "network/security_groups.tf",
        None,
        OPEN_PORT.format(description="", port=5432, source=FROM_GROUP),
    ),
    (
        rules.ports_are_listed,
        "network/security_groups.tf",
        None,
        OPEN_PORT.format(description="All", port=5432, source=FROM_ALL),
    ),
    (rules.ports_are_listed, "network/security_groups.tf", "http  = 80", "x = 25"),
    (
        rules.ports_are_listed,
        "network/security_groups.tf",
        'named groups"\n',
        'named groups"\n  ingress {\n    from_port = 22\n  }\n',
    ),
    (rules.variables_are_checked, "etl/variables.tf", None, '\nvariable "bare" {\n}\n'),
    (
        rules.outputs_are_described,
        "etl/outputs.tf",
        None,
        '\noutput "bare" {\n  value = 1\n}\n',
    ),
    (rules.versions_are_pinned, "etl/versions.tf", '"~> 6.25"', '">= 6.25"'),
    (rules.machines_are_hardened, "database/main.tf", '"required"', '"optional"'),
    (
        rules.machines_are_hardened,
        "database/main.tf",
        "volume_size = 30\n    encrypted   = true",
        "volume_size = 30\n    encrypted   = false",
    ),
    (
        rules.machines_are_hardened,
        "database/main.tf",
        "  encrypted         = true\n",
        "",
    ),
    (
        rules.no_password_is_kept,
        "database/passwords.tf",
        'ephemeral "random_password"',
        'resource "random_password"',
    ),
    (
        rules.no_password_is_kept,
        "database/main.tf",
        "VIGIL_REGION             = data.aws_region.current.region",
        'PASSWORD = ephemeral.random_password.role["vigil_loader"].result',
    ),
]


@pytest.mark.parametrize(
    ("rule", "file", "old", "new"),
    [
        pytest.param(*case, id=f"{case[0].__name__}-{n}")
        for n, case in enumerate(SEEDED)
    ],
)
def test_a_seeded_violation_is_caught(
    rule: rules.Rule, file: str, old: str | None, new: str, tmp_path: Path
) -> None:
    module = Path("modules", file).parent
    shutil.copytree(TERRAFORM / module, tmp_path / module)
    seeded = tmp_path / "modules" / file
    code = seeded.read_text(encoding="utf-8")
    assert old is None or old in code
    changed = code + new if old is None else code.replace(old, new, 1)
    seeded.write_text(changed, encoding="utf-8")
    assert rule({**MODULES, **read_modules(tmp_path)}) != []


def test_every_rule_has_a_seeded_violation() -> None:
    assert {case[0] for case in SEEDED} == set(rules.RULES)


def documented(module: Module, heading: str) -> list[str]:
    """Return the names in the table below a heading of a module's README."""
    readme = (module.path / "README.md").read_text(encoding="utf-8")
    section = readme.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_the_readme_lists_inputs_and_outputs(module: Module) -> None:
    assert documented(module, "Inputs") == list(module.labelled("variable"))
    assert documented(module, "Outputs") == list(module.labelled("output"))


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_a_module_gets_the_inputs_it_has(name: str, call: str) -> None:
    body = dict(MODULES[name].labelled("module")[call])
    source = (MODULES[name].path / body.pop("source")).resolve()
    module = MODULES[source.relative_to(TERRAFORM).as_posix()]
    variables = module.labelled("variable")
    required = {key for key, body in variables.items() if "default" not in body}
    assert required <= set(body) <= set(variables)


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_what_is_referred_to_is_there(module: Module) -> None:
    text = module.text
    variables = set(module.labelled("variable"))
    assert set(re.findall(r"\bvar\.(\w+)", text)) - variables == set()
    used = text + "".join(str(body) for body in module.blocks.get("module", []))
    assert {v for v in variables if not re.search(rf"\bvar\.{v}\b", used)} == set()
    assert set(re.findall(r"\blocal\.(\w+)", text)) == set(module.locals)
    for kind, prefix in (("resource", r"(?<![\w.\"])"), ("data", r"\bdata\.")):
        for type_, name in set(re.findall(rf"{prefix}(aws_\w+)\.(\w+)", text)):
            assert name in module.typed(kind, type_), f"{kind} {type_}.{name}"
    for call, output in set(re.findall(r"\bmodule\.(\w+)\.(\w+)", text)):
        assert output in MODULES[f"modules/{call}"].labelled("output"), output


def test_alarms_watch_metrics_that_the_server_sends() -> None:
    alarms = MODULES["modules/monitoring"].locals["alarms"]
    script = MODULES["modules/database"].path / "files/vigil_aws.py"
    sent = set(re.findall(r"""['"](\w+)['"][,:] """, script.read_text("utf-8")))
    assert len(alarms) == 5
    assert {alarm["metric"] for alarm in alarms.values()} <= sent


def test_the_ports_of_the_readme_are_those_of_the_rules() -> None:
    readme = (TERRAFORM / "modules/network/README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Ports\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| (in|out) \| (\d+) \|", section, re.MULTILINE)
    assert {int(port) for way, port in listed if way == "in"} == set(rules.PORTS_IN)
    assert {int(port) for way, port in listed if way == "out"} == set(rules.PORTS_OUT)
