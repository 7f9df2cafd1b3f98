variable "name" {
  description = "Prefix of every name this module gives."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name is 3 to 32 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "instance_id" {
  description = "Id of the database server."
  type        = string

  validation {
    condition     = can(regex("^i-[0-9a-f]{8,17}$", var.instance_id))
    error_message = "instance_id is the id of an instance."
  }
}

variable "metric_namespace" {
  description = "CloudWatch namespace in which the server publishes its metrics."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9/_-]*$", var.metric_namespace))
    error_message = "metric_namespace is letters, digits and slashes."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the topic; its policy must let CloudWatch use it."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a KMS key."
  }
}

variable "emails" {
  description = "Addresses that alarms are sent to; each confirms its subscription once."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", email))])
    error_message = "emails holds addresses of mail."
  }
}

variable "disk_percent" {
  description = "Share of the data volume in use, in per cent, that raises an alarm."
  type        = number
  default     = 80

  validation {
    condition     = var.disk_percent >= 50 && var.disk_percent <= 95
    error_message = "disk_percent is 50 to 95."
  }
}

variable "wal_files_waiting" {
  description = "WAL files of 16 MB that wait to be archived, for ten minutes, that raise an alarm."
  type        = number
  default     = 64

  validation {
    condition     = var.wal_files_waiting >= 1
    error_message = "wal_files_waiting is 1 at least."
  }
}

variable "replication_age_seconds" {
  description = "Seconds that a replica, or a consumer of a replication slot, is behind that raise an alarm."
  type        = number
  default     = 300

  validation {
    condition     = var.replication_age_seconds >= 10
    error_message = "replication_age_seconds is 10 at least."
  }
}

variable "backup_age_hours" {
  description = "Hours since the last backup that raise an alarm; one is made each night."
  type        = number
  default     = 30

  validation {
    condition     = var.backup_age_hours >= 25
    error_message = "backup_age_hours is 25 at least: a backup is made once a day."
  }
}
