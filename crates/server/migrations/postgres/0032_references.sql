-- What the column is for stands in SQLite's step of the same name.
alter table deliveries add column reference text collate "C";
create index deliveries_reference on deliveries (alert_key, incident_id, id) where reference is not null;
