-- See SQLite's step of the same number.
alter table told add column told_at bigint;
alter table told add column reminded bigint not null default 0;
create index told_open on told (alert_key, monitor_id) where open is not null;
update told set told_at =
    (select max(d.created_at) from deliveries d where d.monitor_id = told.monitor_id and d.alert_key = told.alert_key)
where open is not null;
