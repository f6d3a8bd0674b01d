-- When each monitor is due, its ticks and its claim: what a claim changes, which is small and has one index. What a result leaves, and
-- people look at, stays in the wide row of `states`, which a claim does not touch. The name `statuses` is left to servers of the version
-- before, which go on beside a new one where several share a database of PostgreSQL (its step of the same name).
create table dues (
    monitor_id integer primary key references monitors (id),
    -- When the scheduler must look at this row next.
    due_at integer,
    -- The first tick of the schedule that is not yet accounted for; null while the monitor is off or set aside.
    next_tick_at integer,
    -- A tick that was claimed and handed back without a result, and how often in a row that was our fault.
    owed_tick_at integer,
    fault_count integer not null default 0,
    -- When it runs once more because the source is back that it waited for.
    catch_up_at integer,
    -- Grows with every claim; a result is taken only from the attempt that is still in force.
    attempt integer not null default 0,
    claimed_by text,
    claimed_tick_at integer,
    lease_until integer,
    missed_ticks integer not null default 0,
    overlapped_ticks integer not null default 0,
    -- Our own fault, in words, while there is one: it never changes the state.
    fault text
) strict;
insert into dues
select monitor_id, due_at, next_tick_at, owed_tick_at, fault_count, catch_up_at, attempt, claimed_by, claimed_tick_at, lease_until,
    missed_ticks, overlapped_ticks, fault
from statuses order by monitor_id;
create index dues_due on dues (due_at, monitor_id) where due_at is not null;

-- The state of each monitor and what its last run left.
create table states (
    monitor_id integer primary key references monitors (id),
    state text not null check (state in ('OK', 'ALARM', 'ERROR', 'INACTIVE')),
    state_since integer not null,
    failing_streak integer not null default 0,
    passing_streak integer not null default 0,
    -- The last runs, the newest in the lowest bit: a failed one is set.
    recent_failures integer not null default 0,
    severity text,
    last_run_at integer,
    incident_id integer,
    -- The outage that the last runs met, and how the monitor stands to it.
    outage_id integer,
    waits text,
    last_message text,
    last_value text
) strict;
insert into states
select monitor_id, state, state_since, failing_streak, passing_streak, recent_failures, severity, last_run_at, incident_id, outage_id,
    waits, last_message, last_value
from statuses order by monitor_id;
drop table statuses;
create index states_state on states (state, monitor_id);
create index states_outage on states (outage_id) where outage_id is not null;
