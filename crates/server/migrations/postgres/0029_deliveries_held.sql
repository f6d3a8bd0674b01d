-- What the column is for stands in SQLite's step of the same name.
alter table deliveries add column held_by bigint;
create index deliveries_held on deliveries (held_by) where held_by is not null and status = 'owed';
