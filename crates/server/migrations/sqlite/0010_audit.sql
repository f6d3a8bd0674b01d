-- Who did what, when, from where, and what was refused to whom. A row is written in the transaction of what it tells of,
-- is never changed, and goes only when its time is over.

create table audit (
    id integer primary key autoincrement,
    at integer not null,
    act text not null,
    -- `person`, `token`, `everybody`, `stranger`, `command_line`, `server`.
    who_kind text not null,
    -- The person or the token. None is a reference: people and tokens go, what they did stays.
    who_id integer,
    -- What they were called then.
    who_name text not null,
    -- Of a token: the person it belongs to.
    owner_id integer,
    -- `page`, `api`, `command_line`, `inside`.
    door text not null,
    address text not null,
    request_id text not null,
    -- What it is about: `monitor`, `alert`, `person`, `token`, `session`, its id or key, and what it was called then.
    target_kind text,
    target_id text,
    target_name text,
    -- What changed, as a JSON object.
    details text not null
) strict;
create index audit_time on audit (at);
create index audit_target on audit (target_kind, target_id, at);
create index audit_who on audit (who_kind, who_id, at);
create index audit_owner on audit (owner_id, at) where owner_id is not null;
create index audit_act on audit (act, at);

-- Rows that are still to be written to the file, or the standard output, that AUDIT_LOG names.
create table audit_unlogged (
    audit_id integer primary key
) strict;
