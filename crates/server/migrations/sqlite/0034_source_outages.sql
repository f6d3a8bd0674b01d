-- Outages of sources: from a run that a source failed until one that it answers again.
create table source_outages (
    id integer primary key autoincrement,
    source text not null,
    -- The same while it goes on: of a source there is one at a time.
    going_on text unique,
    -- When the first result came that it failed, and what was said then.
    began_at integer not null,
    reason text not null,
    -- When it was over, and why if that is not an answer.
    ended_at integer,
    ended_by text,
    -- When it was told first; null if it was not.
    told_at integer,
    -- Whether nothing of it is to be told any more.
    settled integer not null default 0
) strict;
create index source_outages_unsettled on source_outages (id) where settled = 0;
create index source_outages_source on source_outages (source, id);
create index source_outages_ended on source_outages (ended_at);

-- The outage that the last runs met, and how the monitor stands to it.
alter table statuses add column outage_id integer;
alter table statuses add column waits text;
create index statuses_outage on statuses (outage_id) where outage_id is not null;

-- The source whose outage made this change.
alter table flips add column by_source text;

-- Set where this is no monitor but stands for a source, so that its outages are told, acknowledged and kept as problems of
-- monitors are. Such a row is marked as deleted from the beginning, never purged, and in no list.
alter table monitors add column source text;
create index monitors_source on monitors (source) where source is not null;
-- What an author chose for the time of an outage.
alter table monitors add column state_in_outage text not null default 'error';
alter table monitors add column told_in_outage integer not null default 0;
