-- What each column is for stands in SQLite's step of the same name.
alter table monitors add column default_severity text collate "C" not null default 'critical';
alter table statuses add column severity text collate "C";
alter table runs add column severity text collate "C";
alter table flips add column severity text collate "C";
alter table flips add column old_severity text collate "C";
create index runs_warning_time on runs (monitor_id, new_state, started_at) where severity = 'warning';
