-- What a script compared its value with, where it says: drawn beside the values. Few scripts do, so the index that charts
-- read it from holds only their runs.
alter table runs add column threshold real;
create index runs_threshold on runs (monitor_id, started_at, threshold) where threshold is not null;
