-- Who said that they look after a problem: of one change of state, and so until the next one.
create table acknowledgements (
    flip_id integer primary key references flips (id),
    monitor_id integer not null references monitors (id),
    at integer not null,
    -- Who: what kind of actor, which one, what they were called then.
    who text not null,
    who_id integer,
    who_name text,
    -- The alert whose message had the link they used; null where they used none.
    alert_key text,
    note text not null
) strict;
create index acknowledgements_monitor on acknowledgements (monitor_id, flip_id);
