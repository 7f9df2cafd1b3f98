data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Instances"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "database" {
  name               = "${var.name}-database"
  description        = "Writes its backups, reads its passwords, publishes its metrics"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_instance_profile" "database" {
  name = "${var.name}-database"
  role = aws_iam_role.database.name
}

data "aws_iam_policy_document" "database" {
  #checkov:skip=CKV_AWS_356:PutMetricData knows no resources; the condition names the namespace.
  #checkov:skip=CKV_AWS_111:PutMetricData knows no resources; the condition names the namespace.
  statement {
    sid       = "ListBackups"
    actions   = ["s3:ListBucket"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.backup_bucket}"]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [var.backup_prefix, "${var.backup_prefix}/*"]
    }
  }

  statement {
    sid       = "Backups"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.backup_bucket}/${var.backup_prefix}/*"]
  }

  statement {
    sid       = "Passwords"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.password : secret.arn]
  }

  statement {
    sid       = "BackupAndPasswordKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values = [
        "s3.${data.aws_region.current.region}.amazonaws.com",
        "secretsmanager.${data.aws_region.current.region}.amazonaws.com",
      ]
    }
  }

  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [var.metric_namespace]
    }
  }
}

resource "aws_iam_role_policy" "database" {
  name   = "backups-passwords-metrics"
  role   = aws_iam_role.database.id
  policy = data.aws_iam_policy_document.database.json
}

# Sessions on the server go through Systems Manager: there is no SSH.
resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.database.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
