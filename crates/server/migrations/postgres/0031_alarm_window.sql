-- What each column is for stands in SQLite's step of the same name.
alter table monitors add column alarm_window bigint;
alter table statuses add column recent_failures bigint not null default 0;
update statuses set recent_failures = (1::bigint << least(failing_streak, 60)::integer) - 1 where failing_streak > 0;
