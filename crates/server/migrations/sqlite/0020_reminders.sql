-- When an alert told last of a monitor, reminders included, and how many of them since the last change that it told.
alter table told add column told_at integer;
alter table told add column reminded integer not null default 0;
create index told_open on told (alert_key, monitor_id) where open is not null;
-- What is open is reminded of from when it was told.
update told set told_at =
    (select max(d.created_at) from deliveries d where d.monitor_id = told.monitor_id and d.alert_key = told.alert_key)
where open is not null;
