provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project = var.name
    }
  }
}

locals {
  zones = ["${var.region}a", "${var.region}b"]
}

module "storage" {
  source = "../../modules/storage"

  name = var.name
}

module "network" {
  source = "../../modules/network"

  name               = var.name
  availability_zones = local.zones
  landing_bucket_arn = module.storage.landing_bucket_arn
  backup_bucket_arn  = module.storage.backup_bucket_arn
  kms_key_arn        = module.storage.kms_key_arn
}

module "database" {
  source = "../../modules/database"

  name              = var.name
  subnet_id         = module.network.private_subnet_ids[local.zones[0]]
  availability_zone = local.zones[0]
  security_group_id = module.network.database_security_group_id
  client_cidr_block = module.network.vpc_cidr_block
  backup_bucket     = module.storage.backup_bucket
  kms_key_arn       = module.storage.kms_key_arn
}

module "etl" {
  source = "../../modules/etl"

  name               = var.name
  landing_bucket_arn = module.storage.landing_bucket_arn
  kms_key_arn        = module.storage.kms_key_arn
  password_secret_arns = [
    module.database.password_secret_arns["vigil_loader"],
    module.database.password_secret_arns["vigil_transformer"],
  ]
}

module "monitoring" {
  source = "../../modules/monitoring"

  name             = var.name
  instance_id      = module.database.instance_id
  metric_namespace = module.database.metric_namespace
  kms_key_arn      = module.storage.kms_key_arn
  emails           = var.alarm_emails
}
