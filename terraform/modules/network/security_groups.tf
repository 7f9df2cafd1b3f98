# PostgreSQL opens to groups that are named, never to addresses. There is no SSH.
locals {
  postgresql_port = 5432
  database_clients = merge(
    { etl = aws_security_group.etl.id },
    var.database_clients,
  )
  # The way out: package repositories (Ubuntu's are plain HTTP with signed packages), S3 and
  # AWS's interfaces.
  ports_out = {
    http  = 80
    https = 443
  }
}

resource "aws_security_group" "database" {
  #checkov:skip=CKV2_AWS_5:Attached by the module database.
  name        = "${var.name}-database"
  description = "The database server: PostgreSQL from named groups"
  vpc_id      = aws_vpc.main.id

  tags = {
    Name = "${var.name}-database"
  }
}

resource "aws_vpc_security_group_ingress_rule" "postgresql" {
  for_each = local.database_clients

  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = local.postgresql_port
  to_port                      = local.postgresql_port
  referenced_security_group_id = each.value
}

resource "aws_vpc_security_group_egress_rule" "database_out" {
  for_each = local.ports_out

  security_group_id = aws_security_group.database.id
  description       = "Packages and AWS over ${each.key}"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_security_group" "etl" {
  #checkov:skip=CKV2_AWS_5:For the machines that run the loader and dbt, which are the user's.
  name        = "${var.name}-etl"
  description = "Loader and dbt: no port open"
  vpc_id      = aws_vpc.main.id

  tags = {
    Name = "${var.name}-etl"
  }
}

resource "aws_vpc_security_group_egress_rule" "etl_postgresql" {
  security_group_id            = aws_security_group.etl.id
  description                  = "PostgreSQL on the database server"
  ip_protocol                  = "tcp"
  from_port                    = local.postgresql_port
  to_port                      = local.postgresql_port
  referenced_security_group_id = aws_security_group.database.id
}

resource "aws_vpc_security_group_egress_rule" "etl_out" {
  for_each = local.ports_out

  security_group_id = aws_security_group.etl.id
  description       = "Packages and AWS over ${each.key}"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}
