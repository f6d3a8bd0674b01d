-- Forms that made a monitor, by the number that each showing of one has: sent again, to this server or another one, it makes no
-- second monitor.
create table forms (
    form text primary key,
    -- Null only within the transaction that makes it.
    monitor_id integer,
    at integer not null
) strict, without rowid;
