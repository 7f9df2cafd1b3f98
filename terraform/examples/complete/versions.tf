terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # The state names every resource but holds no password. Keep it in a bucket all the same:
  # backend "s3" { bucket = "...", key = "vigil", region = "...", use_lockfile = true }
}
