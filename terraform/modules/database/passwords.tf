# Drawn while Terraform runs and written to Secrets Manager: neither the state nor the plan
# nor user data ever holds one.
ephemeral "random_password" "role" {
  for_each = local.roles

  length  = 40
  special = false
}

resource "aws_secretsmanager_secret" "password" {
  #checkov:skip=CKV2_AWS_57:Rotated by password_version: a function that rotates would need a way into the database.
  for_each = local.roles

  name        = "${var.name}/${each.key}"
  description = "Password of ${each.key}, which ${each.value}"
  kms_key_id  = var.kms_key_arn
}

resource "aws_secretsmanager_secret_version" "password" {
  for_each = local.roles

  secret_id                = aws_secretsmanager_secret.password[each.key].id
  secret_string_wo         = ephemeral.random_password.role[each.key].result
  secret_string_wo_version = var.password_version
}
