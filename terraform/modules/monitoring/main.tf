resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# The server publishes once a minute (vigil_aws.py metrics). One that has stopped to is as
# bad as a bad value, so a missing one raises the alarm too.
locals {
  alarms = {
    disk = {
      metric      = "DataVolumeUsedPercent"
      threshold   = var.disk_percent
      minutes     = 5
      description = "The data volume fills up: drop or compress chunks, or enlarge it."
    }
    wal-archive-failing = {
      metric      = "WalArchiveFailing"
      threshold   = 1
      minutes     = 5
      description = "The last attempt to archive WAL failed: no point in time after it can be restored, and pg_wal grows."
    }
    wal-files-waiting = {
      metric      = "WalFilesWaiting"
      threshold   = var.wal_files_waiting
      minutes     = 10
      description = "WAL is written faster than it is archived."
    }
    replication-age = {
      metric      = "ReplicationAgeSeconds"
      threshold   = var.replication_age_seconds
      minutes     = 5
      description = "A replica or the consumer of a slot falls behind; its WAL is kept meanwhile."
    }
    backup-age = {
      metric      = "BackupAgeSeconds"
      threshold   = var.backup_age_hours * 3600
      minutes     = 15
      description = "The last backup is too old, or there is none."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = var.metric_namespace
  metric_name         = each.value.metric
  dimensions          = { InstanceId = var.instance_id }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "instance" {
  alarm_name          = "${var.name}-instance"
  alarm_description   = "The machine or what it runs on fails its checks."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  dimensions          = { InstanceId = var.instance_id }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
