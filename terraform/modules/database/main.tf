data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_ssm_parameter" "ubuntu" {
  count = var.ami_id == null ? 1 : 0

  name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
}

locals {
  # The role's name in PostgreSQL to what it is for.
  roles = {
    vigil_loader      = "writes the raw tables"
    vigil_transformer = "runs dbt and owns the schemas"
    vigil_reader      = "reads the marts"
  }
  # What the scripts need to know of AWS. No secret: the ARNs lead to them.
  settings = {
    VIGIL_REGION             = data.aws_region.current.region
    VIGIL_DATA_VOLUME        = aws_ebs_volume.data.id
    VIGIL_CLIENT_CIDR        = var.client_cidr_block
    VIGIL_BACKUP_BUCKET      = var.backup_bucket
    VIGIL_BACKUP_PREFIX      = var.backup_prefix
    VIGIL_BACKUP_KMS_KEY     = var.kms_key_arn
    VIGIL_FULL_BACKUPS_KEPT  = var.full_backups_kept
    VIGIL_METRIC_NAMESPACE   = var.metric_namespace
    VIGIL_POSTGRESQL_VERSION = var.postgresql_version
    VIGIL_TIMESCALE_VERSION  = var.timescaledb_version
    VIGIL_LOADER_SECRET      = aws_secretsmanager_secret.password["vigil_loader"].arn
    VIGIL_TRANSFORMER_SECRET = aws_secretsmanager_secret.password["vigil_transformer"].arn
    VIGIL_READER_SECRET      = aws_secretsmanager_secret.password["vigil_reader"].arn
  }
  scripts = ["bootstrap.sh", "settings.sh", "vigil_aws.py", "extensions.sql", "jobs.sql", "roles.sql", "passwords.sql"]
  cloud_config = {
    write_files = concat(
      [
        {
          path        = "/etc/vigil/instance.env"
          permissions = "0644"
          content     = join("", [for name, value in local.settings : "${name}='${value}'\n"])
        },
      ],
      [
        for script in local.scripts : {
          path        = "/opt/vigil/${script}"
          permissions = "0755"
          content     = file("${path.module}/files/${script}")
        }
      ],
    )
    runcmd = [["/opt/vigil/bootstrap.sh"]]
  }
}

# Apart from the machine: it outlives every instance, and its first one formats it.
resource "aws_ebs_volume" "data" {
  availability_zone = var.availability_zone
  type              = "gp3"
  size              = var.data_volume_gib
  iops              = var.data_volume_iops
  throughput        = var.data_volume_mib_per_second
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  final_snapshot    = true

  tags = {
    Name = "${var.name}-data"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "data" {
  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.data.id
  instance_id                    = aws_instance.database.id
  stop_instance_before_detaching = true
}

resource "aws_instance" "database" {
  ami                         = var.ami_id != null ? var.ami_id : data.aws_ssm_parameter.ubuntu[0].insecure_value
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  private_ip                  = var.private_ip
  vpc_security_group_ids      = [var.security_group_id]
  iam_instance_profile        = aws_iam_instance_profile.database.name
  associate_public_ip_address = false
  disable_api_termination     = true
  ebs_optimized               = true
  monitoring                  = true

  # JSON is YAML: nothing has to be indented or escaped by hand.
  user_data_base64            = base64gzip("#cloud-config\n${jsonencode(local.cloud_config)}")
  user_data_replace_on_change = false

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 30
    encrypted   = true
    kms_key_id  = var.kms_key_arn
  }

  tags = {
    Name = "${var.name}-database"
  }

  lifecycle {
    # A newer image or script is taken by `terraform apply -replace`, on purpose.
    ignore_changes = [ami, user_data_base64]
  }

  # At its first start it fetches the passwords and begins to archive.
  depends_on = [
    aws_iam_role_policy.database,
    aws_secretsmanager_secret_version.password,
  ]
}
