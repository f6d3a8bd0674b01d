-- How severe a problem is. Null in a row of a problem is critical, as all were before; in any other row it says nothing.
alter table monitors add column default_severity text not null default 'critical';
alter table statuses add column severity text;
alter table runs add column severity text;
alter table flips add column severity text;
alter table flips add column old_severity text;
-- Warnings among the runs of a monitor that has many others.
create index runs_warning_time on runs (monitor_id, new_state, started_at) where severity = 'warning';
