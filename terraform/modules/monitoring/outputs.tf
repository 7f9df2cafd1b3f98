output "topic_arn" {
  description = "ARN of the topic that every alarm goes to."
  value       = aws_sns_topic.alarms.arn
}

output "alarm_names" {
  description = "Names of all alarms."
  value       = concat([for alarm in aws_cloudwatch_metric_alarm.database : alarm.alarm_name], [aws_cloudwatch_metric_alarm.instance.alarm_name])
}
