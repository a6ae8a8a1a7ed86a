"""Found events against true events: from two tables to precision, recall, false alarms per hour and lists."""
