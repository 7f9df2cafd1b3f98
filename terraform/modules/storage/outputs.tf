output "landing_bucket" {
  description = "Name of the bucket that the exchange data lands in."
  value       = aws_s3_bucket.this["landing"].id
}

output "landing_bucket_arn" {
  description = "ARN of the landing bucket."
  value       = aws_s3_bucket.this["landing"].arn
}

output "backup_bucket" {
  description = "Name of the bucket that takes WAL and backups."
  value       = aws_s3_bucket.this["backup"].id
}

output "backup_bucket_arn" {
  description = "ARN of the backup bucket."
  value       = aws_s3_bucket.this["backup"].arn
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts buckets, volumes, passwords, flow logs and alarms."
  value       = aws_kms_key.main.arn
}
