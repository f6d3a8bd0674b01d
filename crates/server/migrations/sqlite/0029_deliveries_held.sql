-- The mute that holds back what was owed before it began. It is looked at anew when that ends, or when more comes to be owed of the
-- same monitor by the same alert.
alter table deliveries add column held_by integer;
create index deliveries_held on deliveries (held_by) where held_by is not null and status = 'owed';
