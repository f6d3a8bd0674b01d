-- Every version of a monitor, for as long as there is the monitor: what its author decided, who saved it, and why. A deleted
-- monitor is kept for a time, to be brought back.

-- The scripts that a monitor has had, each text once. Runs name theirs by the same `script_version`.
create table monitor_scripts (
    monitor_id integer not null references monitors (id),
    script_version text not null,
    -- The version of the monitor that had it first.
    first_version integer not null,
    script text not null,
    primary key (monitor_id, script_version)
) strict;

create table monitor_versions (
    monitor_id integer not null references monitors (id),
    version integer not null,
    saved_at integer not null,
    -- Who saved it: what kind of actor, which one, what they were called then. Null where that was not kept.
    who text,
    who_id integer,
    who_name text,
    note text not null,
    -- The version that was restored by it.
    restored integer,
    script_version text not null,
    -- Everything that an author decides but the script, as a JSON object. A field that is not in it did not exist yet: it
    -- reads as its default.
    fields text not null,
    primary key (monitor_id, version)
) strict;

-- From what is there: the version that each monitor has now. Checksums of scripts are made by the program, in the same
-- transaction.
insert into monitor_scripts (monitor_id, script_version, first_version, script)
select id, '', version, script from monitors where deleted_at is null;

insert into monitor_versions (monitor_id, version, saved_at, note, script_version, fields)
select id, version, updated_at, '', '',
    json_object('name', name, 'description', description, 'schedule', schedule, 'timezone', timezone,
        'active', json(case when active then 'true' else 'false' end),
        'tags', json(case when json_valid(tags) then tags else '[]' end),
        'alarm_after', alarm_after, 'recover_after', recover_after, 'retain_days', retain_days, 'timeout_s', timeout_s)
from monitors where deleted_at is null;

-- When what a deleted monitor left may be removed; 0 once that has begun. Who deleted it, as in its versions.
alter table monitors add column purge_at integer;
alter table monitors add column deleted_by text;
alter table monitors add column deleted_by_id integer;
alter table monitors add column deleted_by_name text;
-- Their history may be gone in part already.
update monitors set purge_at = 0 where deleted_at is not null;
