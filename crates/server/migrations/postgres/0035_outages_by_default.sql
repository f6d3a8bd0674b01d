-- What each column is for stands in SQLite's step of the same name.
alter table statuses add column catch_up_at bigint;

drop index source_outages_unsettled;
create index source_outages_settled on source_outages (settled, id);

update monitors set retain_days = 90 where source is not null;
update monitors set purge_at = 7776000000000 + coalesce(
    (select max(o.ended_at) from source_outages o where o.source = monitors.source), deleted_at)
where source is not null and not exists (
    select 1 from source_outages o where o.source = monitors.source and o.ended_at is null);
