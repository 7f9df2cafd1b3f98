output "instance_id" {
  description = "Id of the instance: for Session Manager, and the dimension of its metrics."
  value       = aws_instance.database.id
}

output "address" {
  description = "Private address of the server: PGHOST. The port is 5432, the database `vigil`, PGSSLMODE `require`."
  value       = aws_instance.database.private_ip
}

output "data_volume_id" {
  description = "Id of the data volume."
  value       = aws_ebs_volume.data.id
}

output "password_secret_arns" {
  description = "Secrets with the passwords: role in PostgreSQL to ARN."
  value       = { for role, secret in aws_secretsmanager_secret.password : role => secret.arn }
}

output "role_name" {
  description = "Name of the server's IAM role."
  value       = aws_iam_role.database.name
}

output "metric_namespace" {
  description = "CloudWatch namespace of the server's metrics."
  value       = var.metric_namespace
}
