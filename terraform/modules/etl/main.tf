data "aws_partition" "current" {}

data "aws_region" "current" {}

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

resource "aws_iam_role" "etl" {
  name               = "${var.name}-etl"
  description        = "Reads the landing bucket, and the passwords it connects with"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_instance_profile" "etl" {
  name = "${var.name}-etl"
  role = aws_iam_role.etl.name
}

data "aws_iam_policy_document" "etl" {
  statement {
    sid       = "ListLanding"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.landing_bucket_arn]
  }

  statement {
    sid       = "ReadLanding"
    actions   = ["s3:GetObject"]
    resources = ["${var.landing_bucket_arn}/*"]
  }

  statement {
    sid       = "Passwords"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = var.password_secret_arns
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
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
}

resource "aws_iam_role_policy" "etl" {
  name   = "read-landing"
  role   = aws_iam_role.etl.id
  policy = data.aws_iam_policy_document.etl.json
}

# Sessions on the machine go through Systems Manager: there is no SSH.
resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.etl.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
