-- What its receiver calls the message that told a delivery, or the thread it stands in: what follows of the same incident is
-- put there.
alter table deliveries add column reference text;
create index deliveries_reference on deliveries (alert_key, incident_id, id) where reference is not null;
