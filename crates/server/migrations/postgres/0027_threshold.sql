-- What each column is for stands in SQLite's step of the same name.
alter table runs add column threshold double precision;
create index runs_threshold on runs (monitor_id, started_at, threshold) where threshold is not null;
