data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Every bucket there is. What follows is made for each of them, so none can lack it.
  buckets = {
    landing = "exchange data as it lands"
    backup  = "WAL and base backups"
    logs    = "access logs of the other two"
  }
  suffix = "${data.aws_caller_identity.current.account_id}-${data.aws_region.current.region}"
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:Another region would double the cost of storage; the landing bucket can be filled again, and a replica of the backups is the user's to decide.
  #checkov:skip=CKV2_AWS_62:Nothing listens: the loader lists the bucket and knows what it has loaded.
  #checkov:skip=CKV_AWS_18:The two data buckets log to the third (aws_s3_bucket_logging below); one that logs itself would never end.
  #checkov:skip=CKV_AWS_145:Data buckets use the KMS key; S3 delivers access logs to none but SSE-S3.
  for_each = local.buckets

  bucket = "${var.name}-${each.key}-${local.suffix}"

  tags = {
    Name    = "${var.name}-${each.key}"
    Content = each.value
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "logs" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "logs" ? null : aws_kms_key.main.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = toset(["landing", "backup"])

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "${each.key}/"
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "ageing"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    # Backups expire by pgBackRest's retention alone: it knows what depends on what.
    dynamic "transition" {
      for_each = each.key == "landing" ? [var.landing_infrequent_after_days] : []

      content {
        days          = transition.value
        storage_class = "STANDARD_IA"
      }
    }

    dynamic "expiration" {
      for_each = each.key == "logs" ? [var.access_log_days] : []

      content {
        days = expiration.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
