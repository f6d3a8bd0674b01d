-- One run more of a monitor, and from when on it is due: the outage of a source that it waited for is over. Null for most.
alter table statuses add column catch_up_at integer;

-- A partial index was no use to the one statement that asks for these: its condition is not written alike on both engines.
drop index source_outages_unsettled;
create index source_outages_settled on source_outages (settled, id);

-- What stands for a source goes 90 days after its last outage, as its outages do, and so does what was told of it.
update monitors set retain_days = 90 where source is not null;
update monitors set purge_at = 7776000000000 + coalesce(
    (select max(o.ended_at) from source_outages o where o.source = monitors.source), deleted_at)
where source is not null and not exists (
    select 1 from source_outages o where o.source = monitors.source and o.ended_at is null);
