output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.main.id
}

output "vpc_cidr_block" {
  description = "IPv4 range of the VPC, from which the server takes connections."
  value       = aws_vpc.main.cidr_block
}

output "private_subnet_ids" {
  description = "Private subnets: availability zone to id."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "database_security_group_id" {
  description = "Group of the database server: PostgreSQL in from named groups."
  value       = aws_security_group.database.id
}

output "etl_security_group_id" {
  description = "Group for machines that run the loader and dbt: nothing in, PostgreSQL and HTTPS out."
  value       = aws_security_group.etl.id
}

output "s3_endpoint_id" {
  description = "Id of the S3 gateway endpoint."
  value       = aws_vpc_endpoint.s3.id
}
