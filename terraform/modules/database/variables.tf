variable "name" {
  description = "Prefix of every name this module gives."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name is 3 to 32 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "subnet_id" {
  description = "Private subnet of the server."
  type        = string

  validation {
    condition     = can(regex("^subnet-[0-9a-f]{8,17}$", var.subnet_id))
    error_message = "subnet_id is the id of a subnet."
  }
}

variable "availability_zone" {
  description = "Zone of that subnet; the data volume lies in the same one."
  type        = string
}

variable "security_group_id" {
  description = "Security group of the server: PostgreSQL in from named groups."
  type        = string

  validation {
    condition     = can(regex("^sg-[0-9a-f]{8,17}$", var.security_group_id))
    error_message = "security_group_id is the id of a security group."
  }
}

variable "client_cidr_block" {
  description = "IPv4 range that pg_hba.conf admits, over TLS with a password: the VPC's. The security group decides first."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.client_cidr_block)) && !startswith(var.client_cidr_block, "0.")
    error_message = "client_cidr_block is an IPv4 range, and not that of the whole internet."
  }
}

variable "private_ip" {
  description = "Fixed address of the server within the subnet, so that clients find its successor at the same one; chosen by AWS when null."
  type        = string
  default     = null

  validation {
    condition     = var.private_ip == null || can(cidrnetmask("${var.private_ip}/32"))
    error_message = "private_ip is an IPv4 address or null."
  }
}

variable "ami_id" {
  description = "Image: Ubuntu 22.04 or 24.04, or Debian 12 or 13 with Amazon's SSM agent. The current Ubuntu 24.04 when null; a newer one later does not replace the server."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null || can(regex("^ami-[0-9a-f]{8,17}$", var.ami_id))
    error_message = "ami_id is the id of an image or null."
  }
}

variable "postgresql_version" {
  description = "PostgreSQL, exactly: with 17.12 no background job of TimescaleDB 2.29.2 succeeds."
  type        = string
  default     = "17.11"

  validation {
    condition     = can(regex("^17\\.[0-9]+$", var.postgresql_version))
    error_message = "postgresql_version is 17 and a minor version, such as 17.11."
  }
}

variable "timescaledb_version" {
  description = "TimescaleDB, exactly: one that works with that PostgreSQL, which each first start checks."
  type        = string
  default     = "2.29.2"

  validation {
    condition     = can(regex("^2\\.[0-9]+\\.[0-9]+$", var.timescaledb_version))
    error_message = "timescaledb_version is three numbers, such as 2.29.2."
  }
}

variable "instance_type" {
  description = "Type of the instance, x86-64 on Nitro: the data volume is found by its NVMe name."
  type        = string
  default     = "m7i.xlarge"

  validation {
    condition     = can(regex("^[a-z]+[5-9][a-z-]*\\.[a-z0-9]+$", var.instance_type)) && !can(regex("^[a-z]+[0-9]g", var.instance_type))
    error_message = "instance_type is an x86-64 type of the fifth generation or later, such as m7i.xlarge."
  }
}

variable "data_volume_gib" {
  description = "Size of the data volume in GiB."
  type        = number
  default     = 500

  validation {
    condition     = var.data_volume_gib >= 20 && var.data_volume_gib <= 16384 && floor(var.data_volume_gib) == var.data_volume_gib
    error_message = "data_volume_gib is a whole number from 20 to 16384."
  }
}

variable "data_volume_iops" {
  description = "I/O operations a second of the data volume (gp3: 3000 to 16000)."
  type        = number
  default     = 6000

  validation {
    condition     = var.data_volume_iops >= 3000 && var.data_volume_iops <= 16000
    error_message = "data_volume_iops is 3000 to 16000."
  }
}

variable "data_volume_mib_per_second" {
  description = "Throughput of the data volume in MiB/s (gp3: 125 to 1000)."
  type        = number
  default     = 250

  validation {
    condition     = var.data_volume_mib_per_second >= 125 && var.data_volume_mib_per_second <= 1000
    error_message = "data_volume_mib_per_second is 125 to 1000."
  }
}

variable "backup_bucket" {
  description = "Name of the bucket that takes WAL and backups."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.backup_bucket))
    error_message = "backup_bucket is the name of a bucket."
  }
}

variable "backup_prefix" {
  description = "Folder in that bucket: all of S3 that the server's role can touch."
  type        = string
  default     = "pgbackrest"

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9/_-]*[a-z0-9]$", var.backup_prefix))
    error_message = "backup_prefix is letters, digits, hyphens, underscores and inner slashes."
  }
}

variable "full_backups_kept" {
  description = "Full backups that are kept, one a week, each with its incremental ones and the WAL back to it."
  type        = number
  default     = 4

  validation {
    condition     = var.full_backups_kept >= 2
    error_message = "full_backups_kept is 2 at least: with one, a failed backup leaves none."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts volumes, passwords and the backup bucket."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a KMS key."
  }
}

variable "password_version" {
  description = "Raise it to draw new passwords of the three roles; then run `vigil-bootstrap roles` on the server."
  type        = number
  default     = 1

  validation {
    condition     = var.password_version >= 1 && floor(var.password_version) == var.password_version
    error_message = "password_version is a whole number from 1 on."
  }
}

variable "metric_namespace" {
  description = "CloudWatch namespace that the server publishes its metrics in, and can publish in no other."
  type        = string
  default     = "Vigil/Database"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9/_-]*$", var.metric_namespace)) && !startswith(var.metric_namespace, "AWS/")
    error_message = "metric_namespace is letters, digits and slashes, and not one of AWS's own."
  }
}
