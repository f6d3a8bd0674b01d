-- How many runs each server recorded in the minute before it was seen.
alter table nodes add column runs_a_minute bigint not null default 0;
