"""Rules that the Terraform code keeps; each returns what breaks it, one line each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from terraform_tree import Module

Modules = Mapping[str, Module]
Rule = Callable[[Modules], list[str]]

POLICY = "aws_iam_policy_document"
# The policy of a key is attached to it: there "*" is that key.
ATTACHED_TO_ONE_THING = {("modules/storage", "key")}
PORTS_IN = {5432: "PostgreSQL"}
PORTS_OUT = {80: "packages", 443: "AWS and packages", 5432: "PostgreSQL"}
# Passed on to a module that checks them, or whatever AWS calls its zones.
CHECKED_ELSEWHERE = {
    ("modules/database", "availability_zone"),
    ("examples/complete", "alarm_emails"),
}
# What every bucket needs: type of resource to its settings, as in the code.
OF_EVERY_BUCKET = {
    "aws_s3_bucket_public_access_block": {
        "block_public_acls": True,
        "block_public_policy": True,
        "ignore_public_acls": True,
        "restrict_public_buckets": True,
    },
    "aws_s3_bucket_versioning": {"versioning_configuration": [{"status": "Enabled"}]},
    "aws_s3_bucket_server_side_encryption_configuration": {},
    "aws_s3_bucket_ownership_controls": {
        "rule": [{"object_ownership": "BucketOwnerEnforced"}]
    },
    "aws_s3_bucket_lifecycle_configuration": {},
    "aws_s3_bucket_policy": {},
}


def statements(module: Module) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement of a module's policies, with the policy's name."""
    for name, body in module.typed("data", POLICY).items():
        for statement in body.get("statement", []):
            yield name, statement
        for dynamic in body.get("dynamic", []):
            for statement in dynamic["statement"]["content"]:
                yield name, statement


def no_open_statement(modules: Modules) -> list[str]:
    """No statement allows every action, of a service or at all, on everything."""
    return [
        f"{module.name}: {name}: {statement['actions']} on {statement['resources']}"
        for module in modules.values()
        for name, statement in statements(module)
        if statement.get("effect", "Allow") == "Allow"
        and (module.name, name) not in ATTACHED_TO_ONE_THING
        and any(a == "*" or a.endswith(":*") for a in statement["actions"])
        and "*" in statement.get("resources", [])
    ]


def policies_are_documents(modules: Modules) -> list[str]:
    """Policies are written as documents, which the other rules read."""
    return [
        f"{module.name}: {value}"
        for module in modules.values()
        for value in re.findall(
            r"^\s*(?:assume_role_)?policy\s+=\s+(.+)$", module.text, re.MULTILINE
        )
        if not value.startswith(f"data.{POLICY}.")
    ]


def roles_touch_their_objects(modules: Modules) -> list[str]:
    """The server reaches its backup prefix in S3, the ETL reads the landing bucket."""
    backup = "arn:${data.aws_partition.current.partition}:s3:::${var.backup_bucket}"
    prefix = "/${var.backup_prefix}/*"
    landing = "${var.landing_bucket_arn}"
    allowed = {
        ("modules/database", "s3:ListBucket"): {backup},
        **{
            ("modules/database", f"s3:{action}"): {backup + prefix}
            for action in ("AbortMultipartUpload", "DeleteObject", "GetObject")
        },
        ("modules/database", "s3:PutObject"): {backup + prefix},
        ("modules/etl", "s3:GetBucketLocation"): {landing},
        ("modules/etl", "s3:ListBucket"): {landing},
        ("modules/etl", "s3:GetObject"): {f"{landing}/*"},
    }
    return [
        f"{name}: {action} on {resource}"
        for name in ("modules/database", "modules/etl")
        for _, statement in statements(modules[name])
        for action in statement["actions"]
        if action.startswith(("s3:", "*"))
        for resource in statement["resources"]
        if resource not in allowed.get((name, action), set())
    ]


def buckets_are_closed(modules: Modules) -> list[str]:
    """Every bucket is closed, versioned, encrypted, aged, and denies plain HTTP."""
    broken = []
    for module in modules.values():
        for bucket, body in module.typed("resource", "aws_s3_bucket").items():
            for type_, settings in OF_EVERY_BUCKET.items():
                found = any(
                    other["bucket"] == f"${{aws_s3_bucket.{bucket}[each.key].id}}"
                    and other.get("for_each") == body["for_each"]
                    and all(other.get(key) == value for key, value in settings.items())
                    for other in module.typed("resource", type_).values()
                )
                if not found:
                    broken.append(f"{module.name}: {bucket} lacks {type_}")
            if not any(_denies_plain_http(s) for _, s in statements(module)):
                broken.append(f"{module.name}: {bucket} can be read without TLS")
    return broken


def _denies_plain_http(statement: dict[str, Any]) -> bool:
    condition = {
        "test": "Bool",
        "variable": "aws:SecureTransport",
        "values": ["false"],
    }
    return (
        statement.get("effect") == "Deny"
        and statement["actions"] == ["s3:*"]
        and len(statement["resources"]) == 2
        and statement["condition"] == [condition]
        and statement["principals"] == [{"type": "AWS", "identifiers": ["*"]}]
    )


def ports_are_listed(modules: Modules) -> list[str]:
    """Every port is listed and described, and opens to a group; none is in a group."""
    broken = []
    for module in modules.values():
        for direction, ports in (("ingress", PORTS_IN), ("egress", PORTS_OUT)):
            type_ = f"aws_vpc_security_group_{direction}_rule"
            for name, rule in module.typed("resource", type_).items():
                where = f"{module.name}: {type_}.{name}"
                wanted = _ports(module, rule, "from_port")
                if wanted != _ports(module, rule, "to_port") or not wanted <= set(
                    ports
                ):
                    broken.append(f"{where}: port {rule.get('from_port')}")
                if not rule.get("description"):
                    broken.append(f"{where}: not described")
                if direction == "ingress" and (
                    "referenced_security_group_id" not in rule
                    or {"cidr_ipv4", "cidr_ipv6", "prefix_list_id"} & set(rule)
                ):
                    broken.append(f"{where}: opens to addresses")
        for type_ in ("aws_security_group", "aws_default_security_group"):
            for name, group in module.typed("resource", type_).items():
                if {"ingress", "egress"} & set(group):
                    broken.append(f"{module.name}: {name}: rules inside the group")
        if module.typed("resource", "aws_security_group_rule"):
            broken.append(f"{module.name}: aws_security_group_rule")
    return broken


def _ports(module: Module, rule: dict[str, Any], key: str) -> set[Any]:
    """Resolve a port, or all of those that `for_each` goes through."""
    value = rule.get(key)
    if value == "${each.value}":
        return set(module.locals[rule["for_each"][len("${local.") : -1]].values())
    if isinstance(value, str) and value.startswith("${local."):
        return {module.locals[value[len("${local.") : -1]]}
    return {value}


def variables_are_checked(modules: Modules) -> list[str]:
    """Every variable has a description, a type and a validation."""
    return [
        f"{module.name}: {name} has no {part}"
        for module in modules.values()
        for name, body in module.labelled("variable").items()
        for part in ("description", "type", "validation")
        if not body.get(part)
        and (part != "validation" or (module.name, name) not in CHECKED_ELSEWHERE)
    ]


def outputs_are_described(modules: Modules) -> list[str]:
    """Every output has a description."""
    return [
        f"{module.name}: {name}"
        for module in modules.values()
        for name, body in module.labelled("output").items()
        if not body.get("description")
    ]


def versions_are_pinned(modules: Modules) -> list[str]:
    """Every module pins Terraform and each of its providers with ``~>``."""
    broken = []
    for module in modules.values():
        required = [
            version
            for block in module.blocks.get("terraform", [])
            for version in (
                block.get("required_version"),
                *(
                    provider["version"]
                    for providers in block.get("required_providers", [])
                    for provider in providers.values()
                ),
            )
        ]
        if not required or not all(str(v).startswith("~> ") for v in required):
            broken.append(f"{module.name}: {required}")
    return broken


def machines_are_hardened(modules: Modules) -> list[str]:
    """Instances want IMDSv2, no key pair, no public address, encrypted disks."""
    broken = []
    for module in modules.values():
        for name, machine in module.typed("resource", "aws_instance").items():
            metadata = machine.get("metadata_options", [{}])[0]
            root = machine.get("root_block_device", [{}])[0]
            kept = {
                "IMDSv2": metadata.get("http_tokens") == "required",
                "SSH": "key_name" not in machine,
                "address": machine.get("associate_public_ip_address") is False,
                "root volume": root.get("encrypted") is True,
            }
            broken += [
                f"{module.name}: {name}: {what}" for what in kept if not kept[what]
            ]
        for name, volume in module.typed("resource", "aws_ebs_volume").items():
            if volume.get("encrypted") is not True or volume.get("type") != "gp3":
                broken.append(f"{module.name}: {name}: volume")
    return broken


def no_password_is_kept(modules: Modules) -> list[str]:
    """Passwords are ephemeral and written once: not in state, plan or user data."""
    kept = r'(resource "random_password"|\bsecret_string\s+=|\buser_data\s+=)'
    broken = [
        f"{module.name}: {found}"
        for module in modules.values()
        for found in re.findall(kept, module.text)
    ]
    cloud_init = str(modules["modules/database"].locals)
    return broken + re.findall(r"(?i)ephemeral\.|_password\b|secret_string", cloud_init)


RULES: tuple[Rule, ...] = (
    no_open_statement,
    policies_are_documents,
    roles_touch_their_objects,
    buckets_are_closed,
    ports_are_listed,
    variables_are_checked,
    outputs_are_described,
    versions_are_pinned,
    machines_are_hardened,
    no_password_is_kept,
)
