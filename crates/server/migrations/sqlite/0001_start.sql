-- The first schema. Instants are whole microseconds since 1970 in UTC; states, statuses and kinds have the one spelling
-- that JSON, URLs and logs use; a return value is its JSON text, so that 1, 1.0 and "1" stay apart and read the same in
-- every database.

-- Facts about this database. `instance` tells databases apart in the keys that receivers drop repeats by.
create table meta (
    key text primary key,
    value text not null
) strict, without rowid;
insert into meta (key, value) values ('instance', lower(hex(randomblob(16))));

-- What authors wrote. Seldom written; what every run writes is in `statuses`, so that a run never rewrites a script.
-- A deleted monitor is gone for every reader at once; its history follows in small pieces, and its row last.
create table monitors (
    id integer primary key autoincrement,
    version integer not null,
    name text not null,
    description text not null,
    schedule text not null,
    timezone text not null,
    active integer not null,
    retain_days integer,
    timeout_s real,
    tags text not null,
    alarm_after integer not null,
    recover_after integer not null,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    -- Last, so that reading the columns before it never touches a long script's overflow pages.
    script text not null
) strict;
create index monitors_name on monitors (name collate nocase, id);
create index monitors_deleted on monitors (id) where deleted_at is not null;

-- The tags of `monitors.tags`, to find monitors by.
create table tags (
    tag text not null,
    monitor_id integer not null references monitors (id),
    primary key (tag, monitor_id)
) strict, without rowid;
create index tags_monitor on tags (monitor_id);

-- What Revere knows of each monitor: one small row that claims and runs write.
create table statuses (
    monitor_id integer primary key references monitors (id),
    state text not null check (state in ('OK', 'ALARM', 'ERROR', 'INACTIVE')),
    state_since integer not null,
    failing_streak integer not null default 0,
    passing_streak integer not null default 0,
    last_run_at integer,
    last_message text,
    last_value text,
    -- The first tick of the schedule that is not yet accounted for; null while the monitor is off or set aside.
    next_tick_at integer,
    -- A tick that was claimed and handed back without a result, and how often in a row that was our fault.
    owed_tick_at integer,
    fault_count integer not null default 0,
    -- Our own fault, in words, while there is one: it never changes `state`.
    fault text,
    -- When the scheduler must look at this row next.
    due_at integer,
    -- Grows with every claim; a result is taken only from the attempt that is still in force.
    attempt integer not null default 0,
    claimed_by text,
    claimed_tick_at integer,
    lease_until integer,
    missed_ticks integer not null default 0,
    overlapped_ticks integer not null default 0
) strict;
create index statuses_due on statuses (due_at) where due_at is not null;
create index statuses_claimed on statuses (claimed_by) where claimed_by is not null;
create index statuses_state on statuses (state, monitor_id);

-- Every recorded run. Ids grow in the order of commits, so they are the cursor of every list.
-- The one index answers "latest", "latest in these states" (a merge of one range per state) and "oldest to purge".
create table runs (
    id integer primary key autoincrement,
    monitor_id integer not null references monitors (id),
    kind text not null,
    tick_at integer not null,
    started_at integer not null,
    duration_us integer not null,
    outcome text not null,
    old_state text not null,
    new_state text not null,
    return_value text,
    message text not null,
    output text not null,
    traceback text
) strict;
create index runs_monitor on runs (monitor_id, new_state, id);
create index runs_flips on runs (monitor_id, new_state, id) where old_state <> new_state;

-- Every change of state, for ever: runs are purged, flips are the story that remains.
create table flips (
    id integer primary key autoincrement,
    monitor_id integer not null references monitors (id),
    at integer not null,
    old_state text not null,
    new_state text not null,
    message text not null,
    return_value text,
    -- The run that caused it; null where a person did. Not a reference: the run may have been purged.
    run_id integer
) strict;
create index flips_monitor on flips (monitor_id, id);

-- Ticks that had no run of their own. Together with the runs, every tick is accounted for.
create table gaps (
    id integer primary key autoincrement,
    monitor_id integer not null references monitors (id),
    reason text not null check (reason in ('missed', 'overlapped')),
    first_tick_at integer not null,
    last_tick_at integer not null,
    count integer not null
) strict;
create index gaps_monitor on gaps (monitor_id, id);

-- What people chose about each alert of the configuration. Taking an alert out of the configuration keeps its row.
create table alerts (
    key text primary key,
    enabled integer not null,
    -- The states it tells, as a JSON list.
    states text not null,
    in_config integer not null,
    enabled_in_config integer not null
) strict, without rowid;

-- The state up to which each alert told everything about each monitor, and what people heard last and still holds as
-- far as they know. No row: the alert has not looked at that monitor yet.
create table told (
    alert_key text not null references alerts (key),
    monitor_id integer not null references monitors (id),
    state text not null,
    open text,
    primary key (alert_key, monitor_id)
) strict, without rowid;
create index told_monitor on told (monitor_id);

-- One thing one alert owes, or has done. Written with the flip; marked sent only after the receiver said so.
create table deliveries (
    id integer primary key autoincrement,
    flip_id integer not null references flips (id),
    alert_key text not null,
    monitor_id integer not null references monitors (id),
    status text not null check (status in ('owed', 'sent', 'failed', 'cancelled')),
    attempts integer not null default 0,
    -- Null while an earlier one of the same alert and monitor is owed: they go out in order.
    next_attempt_at integer,
    claimed_by text,
    -- The delivery that was given up and that this one tells of through another alert.
    instead_of integer references deliveries (id),
    last_error text,
    reply text,
    created_at integer not null,
    settled_at integer,
    -- The same for every attempt, so that a receiver can drop repeats.
    key text not null unique,
    notification text not null
) strict;
create index deliveries_due on deliveries (alert_key, next_attempt_at) where status = 'owed' and next_attempt_at is not null;
create index deliveries_queue on deliveries (alert_key, monitor_id, id) where status = 'owed';
create index deliveries_monitor on deliveries (monitor_id, id);
create index deliveries_status on deliveries (status, id);
create index deliveries_alert on deliveries (alert_key, id);
create index deliveries_flip on deliveries (flip_id);
create index deliveries_instead on deliveries (instead_of) where instead_of is not null;
