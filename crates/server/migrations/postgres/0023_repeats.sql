-- What the column is for stands in SQLite's step of the same name.
alter table deliveries add column refusals bigint not null default 0;
update deliveries set refusals = attempts where last_error is not null;
