-- A chart of a month reads one value of each of tens of thousands of runs, which lie all over the table. So the index by
-- time holds what charts show, and they are drawn from it alone. Of a text as much is kept as they show of it.
create index runs_series on runs (monitor_id, started_at, new_state, substr(return_value, 1, 200));
drop index runs_time;
