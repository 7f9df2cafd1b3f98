variable "name" {
  description = "Prefix of every name this module gives, such as `vigil-prod`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name is 3 to 32 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "cidr_block" {
  description = "IPv4 range of the VPC, /16 to /24. Each subnet takes a sixteenth of it."
  type        = string
  default     = "10.40.0.0/20"

  validation {
    condition     = can(cidrnetmask(var.cidr_block)) && try(tonumber(split("/", var.cidr_block)[1]) >= 16 && tonumber(split("/", var.cidr_block)[1]) <= 24, false)
    error_message = "cidr_block is an IPv4 range from /16 to /24, such as 10.40.0.0/20."
  }
}

variable "availability_zones" {
  description = "Zones of the region that get a private subnet each, one to eight; the first one gets the NAT gateway."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 1 && length(var.availability_zones) <= 8 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "availability_zones names one to eight different zones."
  }
}

variable "landing_bucket_arn" {
  description = "ARN of the bucket that the exchange data lands in."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+$", var.landing_bucket_arn))
    error_message = "landing_bucket_arn is the ARN of one bucket, without a path."
  }
}

variable "backup_bucket_arn" {
  description = "ARN of the bucket that takes WAL and backups."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+$", var.backup_bucket_arn))
    error_message = "backup_bucket_arn is the ARN of one bucket, without a path."
  }
}

variable "database_clients" {
  description = "Security groups that may open PostgreSQL besides the group of the ETL: name to id."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for id in values(var.database_clients) : can(regex("^sg-[0-9a-f]{8,17}$", id))])
    error_message = "database_clients holds ids of security groups (sg-...), never address ranges."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the flow logs; its policy must let CloudWatch Logs use it."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a KMS key."
  }
}

variable "flow_log_retention_days" {
  description = "Days that flow logs are kept, from a year on."
  type        = number
  default     = 365

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_retention_days)
    error_message = "flow_log_retention_days is one of CloudWatch's periods from 365 on."
  }
}
