-- An alert that reaches somebody of a rota tells nothing by itself; a rota has it tell.
alter table alerts add column on_call_only integer not null default 0;
-- When an alert holds back what can wait, as JSON; null is never. Both are the configuration's.
alter table alerts add column quiet_hours text;

-- A problem that a rota told, for as long as it goes on.
create table on_call_rounds (
    rota text not null references alerts (key),
    monitor_id integer not null references monitors (id),
    -- What the rota owed and what was told because of it: the words for whoever is told next.
    delivery_id integer not null,
    incident_id integer,
    -- When the next person is told, if nobody acknowledges; null where nobody is left, or somebody has.
    next_at integer,
    primary key (rota, monitor_id)
) strict, without rowid;
create index on_call_rounds_next on on_call_rounds (rota, next_at) where next_at is not null;
create index on_call_rounds_monitor on on_call_rounds (monitor_id);

-- Who was told of it, by which alert; they are told its end.
create table on_call_told (
    rota text not null references alerts (key),
    monitor_id integer not null references monitors (id),
    person text not null,
    -- Empty for somebody whom none of their alerts could reach.
    alert_key text not null,
    -- Whether since the last change that began to ask from the beginning.
    in_round integer not null,
    -- What the rota owed of the end, where a mute holds that back from this alert.
    ends_with integer,
    primary key (rota, monitor_id, person, alert_key)
) strict, without rowid;
create index on_call_told_monitor on on_call_told (monitor_id);

-- Somebody takes another one's place in a rota for a time. One that is over stays.
create table on_call_overrides (
    id integer primary key autoincrement,
    rota text not null,
    person text not null,
    -- Only where this one would be on call; null is whoever would be.
    instead_of text,
    starts_at integer not null,
    ends_at integer not null,
    reason text not null,
    created_at integer not null,
    -- Who asked for it: what kind of actor, which one, what they were called then.
    who text not null,
    who_id integer,
    who_name text,
    -- When somebody ended it before its time, and who.
    ended_at integer,
    ended_by text,
    ended_by_id integer,
    ended_by_name text
) strict;
create index on_call_overrides_rota on on_call_overrides (rota, ends_at);
