-- What it is for stands in SQLite's step of the same name.
create table forms (
    form text collate "C" primary key,
    monitor_id bigint,
    at bigint not null
);
