output "database_address" {
  description = "PGHOST for the loader, dbt and readers inside the VPC."
  value       = module.database.address
}

output "database_instance_id" {
  description = "For `aws ssm start-session --target ...`."
  value       = module.database.instance_id
}

output "landing_bucket" {
  description = "Bucket to put exchange data in."
  value       = module.storage.landing_bucket
}

output "etl_instance_profile" {
  description = "Instance profile for the machine that runs the loader and dbt."
  value       = module.etl.instance_profile_name
}

output "etl_security_group_id" {
  description = "Security group for that machine."
  value       = module.network.etl_security_group_id
}

output "password_secret_arns" {
  description = "Secrets with the passwords: role in PostgreSQL to ARN."
  value       = module.database.password_secret_arns
}
