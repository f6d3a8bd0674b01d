-- Of so many last runs `alarm_after` must have failed; null counts in a row. Which of the last 60 runs failed, since the
-- last problem ended or the monitor was switched on, a bit each, the lowest for the last one: what is known of the runs
-- before this step are those that failed in a row.
alter table monitors add column alarm_window integer;
alter table statuses add column recent_failures integer not null default 0;
update statuses set recent_failures = (1 << min(failing_streak, 60)) - 1 where failing_streak > 0;
