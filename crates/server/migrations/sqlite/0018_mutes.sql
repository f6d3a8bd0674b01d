-- Mutes: what is held back for a time although an alert would tell it. One that is over stays, as does what it held back.
create table mutes (
    id integer primary key autoincrement,
    -- The monitors it is about, as a JSON list of ids; empty is any.
    monitor_ids text not null,
    -- Only monitors with this tag; null is any.
    tag text,
    -- Only this alert; null is all.
    alert_key text,
    -- Only problems of this severity, and their ends; null is all.
    severity text,
    starts_at integer not null,
    -- When it ends; of one that recurs, when that ends: null is never.
    ends_at integer,
    -- Of one that recurs: crontab, its zone, and how many seconds each turn lasts.
    schedule text,
    timezone text,
    duration_s integer,
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
create index mutes_not_ended on mutes (id) where ended_at is null;

-- What is held back now. It is told when nothing holds it any more, unless it is over by then.
create table held (
    alert_key text not null references alerts (key),
    monitor_id integer not null references monitors (id),
    since integer not null,
    primary key (alert_key, monitor_id)
) strict, without rowid;
create index held_monitor on held (monitor_id);

-- Every change of state that a mute held back, by the alert that would have told it.
create table muted_flips (
    mute_id integer not null references mutes (id),
    flip_id integer not null references flips (id),
    alert_key text not null,
    primary key (mute_id, flip_id, alert_key)
) strict, without rowid;
create index muted_flips_flip on muted_flips (flip_id);
