-- Decisions not to tell, each with its reason, written with the flip. One row for an alert that somebody could have expected to
-- hear from; the alerts that are for other monitors, problems or nobody share one row for each such reason, however many
-- there are: `alert_key` is null there. Purged as deliveries are.
create table decisions (
    id integer primary key autoincrement,
    flip_id integer not null,
    monitor_id integer not null references monitors (id),
    at integer not null,
    reason text not null,
    alert_key text,
    -- All the alerts that it is about, as a JSON list.
    alerts text not null
) strict;
create index decisions_monitor on decisions (monitor_id, id);
create index decisions_alert on decisions (alert_key, id) where alert_key is not null;

-- How severe the problem was that an alert told or passed over, and the one that it told last. Null is critical in a row of a
-- problem, and nothing in any other.
alter table told add column severity text;
alter table told add column open_severity text;
