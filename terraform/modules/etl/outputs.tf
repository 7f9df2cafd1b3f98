output "instance_profile_name" {
  description = "Instance profile for the machine that runs the loader and dbt."
  value       = aws_iam_instance_profile.etl.name
}

output "role_arn" {
  description = "ARN of the role behind the profile."
  value       = aws_iam_role.etl.arn
}
