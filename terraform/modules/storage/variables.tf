variable "name" {
  description = "Prefix of every name this module gives; buckets add the account and the region to it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name is 3 to 20 lower-case letters, digits and hyphens, and begins with a letter: names of buckets end at 63."
  }
}

variable "landing_infrequent_after_days" {
  description = "Days after which landed objects go to the class for infrequent access, from 30 on."
  type        = number
  default     = 90

  validation {
    condition     = var.landing_infrequent_after_days >= 30
    error_message = "landing_infrequent_after_days is 30 at least: S3 allows no less."
  }
}

variable "noncurrent_days" {
  description = "Days that overwritten and deleted objects can be brought back: backups that pgBackRest expired among them."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 7 && var.noncurrent_days <= 365
    error_message = "noncurrent_days is 7 to 365."
  }
}

variable "access_log_days" {
  description = "Days that access logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = var.access_log_days >= 90
    error_message = "access_log_days is 90 at least."
  }
}
