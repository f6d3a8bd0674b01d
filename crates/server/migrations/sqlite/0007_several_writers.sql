-- The first schema says that ids grow in the order of commits. That holds for one writer only: where several write, an id is
-- taken before the commit, so a smaller one may become visible later than a greater one. Nothing rests on it any more:
-- whoever asks for a time is answered by times; an id only tells apart what happened at once, and names a row. What is told
-- of one monitor still goes out in the order of ids: they are taken while that monitor's status row is held.

-- A monitor's runs, newest first, in some states or all; and the oldest, to be purged.
create index runs_state_time on runs (monitor_id, new_state, started_at);
create index runs_flip_time on runs (monitor_id, new_state, started_at) where old_state <> new_state;
drop index runs_monitor;
drop index runs_flips;

-- Flips and gaps between two times, and the flip that made a monitor's state what it is.
create index flips_time on flips (monitor_id, at);
create index gaps_time on gaps (monitor_id, last_tick_at);

-- Names in either case: a function that every database has, in the place of a collation of this one.
create index monitors_lower_name on monitors (lower(name), id);
drop index monitors_name;
