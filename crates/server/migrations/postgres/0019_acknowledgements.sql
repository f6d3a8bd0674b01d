-- See SQLite's step of the same number.
create table acknowledgements (
    flip_id bigint primary key references flips (id),
    monitor_id bigint not null references monitors (id),
    at bigint not null,
    who text collate "C" not null,
    who_id bigint,
    who_name text collate "C",
    alert_key text collate "C",
    note text collate "C" not null
);
create index acknowledgements_monitor on acknowledgements (monitor_id, flip_id);
