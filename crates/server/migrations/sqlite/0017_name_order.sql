-- Names in the order that people read them in, numbers by what they count: computed by the server, which fills it in for
-- the monitors that are there.
alter table monitors add column name_order text not null default '';
drop index monitors_lower_name;
create index monitors_name_order on monitors (name_order, id);
