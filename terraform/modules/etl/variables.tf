variable "name" {
  description = "Prefix of every name this module gives."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name is 3 to 32 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "landing_bucket_arn" {
  description = "ARN of the bucket that may be read."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+$", var.landing_bucket_arn))
    error_message = "landing_bucket_arn is the ARN of one bucket, without a path."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that the bucket and the passwords are encrypted with."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a KMS key."
  }
}

variable "password_secret_arns" {
  description = "Secrets with the passwords of the roles this machine connects as: the loader's and the transformer's."
  type        = list(string)

  validation {
    condition     = alltrue([for arn in var.password_secret_arns : can(regex("^arn:aws[a-z-]*:secretsmanager:[^*]+$", arn))])
    error_message = "password_secret_arns holds whole ARNs of secrets, without wildcards."
  }
}
