-- When each monitor is due, its ticks and its claim: what a claim changes, which is small and has one index. What a result leaves, and
-- people look at, stays in the wide row of `states`, which a claim does not touch. What each column is for stands in SQLite's step.
-- Nobody writes meanwhile: whoever does begins with a row of `commits`.
lock table commits in exclusive mode;

alter table statuses rename to states;
alter index statuses_pkey rename to states_pkey;
alter index statuses_state rename to states_state;
alter index statuses_outage rename to states_outage;
drop index statuses_due;

create table dues (
    monitor_id bigint primary key references monitors (id),
    due_at bigint,
    next_tick_at bigint,
    owed_tick_at bigint,
    fault_count bigint not null default 0,
    catch_up_at bigint,
    attempt bigint not null default 0,
    claimed_by text collate "C",
    claimed_tick_at bigint,
    lease_until bigint,
    missed_ticks bigint not null default 0,
    overlapped_ticks bigint not null default 0,
    fault text collate "C"
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0);
insert into dues
select monitor_id, due_at, next_tick_at, owed_tick_at, fault_count, catch_up_at, attempt, claimed_by, claimed_tick_at, lease_until,
    missed_ticks, overlapped_ticks, fault
from states order by monitor_id;
create index dues_due on dues (due_at, monitor_id) where due_at is not null;

alter table states
    drop column due_at, drop column next_tick_at, drop column owed_tick_at, drop column fault_count, drop column catch_up_at,
    drop column attempt, drop column claimed_by, drop column claimed_tick_at, drop column lease_until, drop column missed_ticks,
    drop column overlapped_ticks, drop column fault;

-- Both under their former name and in their former order, for servers of the version before, which go on beside a new one for the
-- length of an upgrade: they claim, record, hand back and edit by it, and nothing of what they or others do is kept in two places. No
-- new server reads or writes it, so it costs nothing. A later step drops it.
create view statuses as
select s.monitor_id, s.state, s.state_since, s.failing_streak, s.passing_streak, s.last_run_at, s.last_message, s.last_value,
    d.next_tick_at, d.owed_tick_at, d.fault_count, d.fault, d.due_at, d.attempt, d.claimed_by, d.claimed_tick_at, d.lease_until,
    d.missed_ticks, d.overlapped_ticks, s.incident_id, s.severity, s.recent_failures, s.outage_id, s.waits, d.catch_up_at
from states s join dues d on d.monitor_id = s.monitor_id;

-- Of a table, whoever waited for another one's change has the row as it is then compared anew with what is to be found. Of a view it is
-- not: who would write on what they did not see is told to begin the transaction anew (serialization_failure), which a server does.
create function statuses_written() returns trigger language plpgsql as $$
declare
    present statuses%rowtype;
begin
    if tg_op = 'INSERT' then
        insert into states (monitor_id, state, state_since, failing_streak, passing_streak, last_run_at, last_message, last_value,
            incident_id, severity, recent_failures, outage_id, waits)
        values (new.monitor_id, new.state, new.state_since, coalesce(new.failing_streak, 0), coalesce(new.passing_streak, 0),
            new.last_run_at, new.last_message, new.last_value, new.incident_id, new.severity, coalesce(new.recent_failures, 0),
            new.outage_id, new.waits);
        insert into dues (monitor_id, due_at, next_tick_at, owed_tick_at, fault_count, catch_up_at, attempt, claimed_by,
            claimed_tick_at, lease_until, missed_ticks, overlapped_ticks, fault)
        values (new.monitor_id, new.due_at, new.next_tick_at, new.owed_tick_at, coalesce(new.fault_count, 0), new.catch_up_at,
            coalesce(new.attempt, 0), new.claimed_by, new.claimed_tick_at, new.lease_until, coalesce(new.missed_ticks, 0),
            coalesce(new.overlapped_ticks, 0), new.fault);
        return new;
    end if;
    select v.* into present from statuses v where v.monitor_id = old.monitor_id for no key update;
    if present is distinct from old then
        raise exception 'monitor % was changed meanwhile', old.monitor_id using errcode = 'serialization_failure';
    end if;
    if tg_op = 'DELETE' then
        delete from dues where monitor_id = old.monitor_id;
        delete from states where monitor_id = old.monitor_id;
        return old;
    end if;
    update states set state = new.state, state_since = new.state_since, failing_streak = new.failing_streak,
        passing_streak = new.passing_streak, last_run_at = new.last_run_at, last_message = new.last_message,
        last_value = new.last_value, incident_id = new.incident_id, severity = new.severity,
        recent_failures = new.recent_failures, outage_id = new.outage_id, waits = new.waits
    where monitor_id = old.monitor_id;
    update dues set due_at = new.due_at, next_tick_at = new.next_tick_at, owed_tick_at = new.owed_tick_at,
        fault_count = new.fault_count, catch_up_at = new.catch_up_at, attempt = new.attempt, claimed_by = new.claimed_by,
        claimed_tick_at = new.claimed_tick_at, lease_until = new.lease_until, missed_ticks = new.missed_ticks,
        overlapped_ticks = new.overlapped_ticks, fault = new.fault
    where monitor_id = old.monitor_id;
    return new;
end $$;
create trigger statuses_written instead of insert or update or delete on statuses
    for each row execute function statuses_written();
