-- What charts are drawn from, of each partition in an index that holds all of it: one with `substr(return_value, 1, 200)`, as SQLite has
-- it, is of no use here, for PostgreSQL reads an index alone only where the whole column is in it. A long value has no room in one, so
-- those have an index of their own, without it. What else is asked by time needs no more than the time.
--
-- Of large partitions they are there by now: `postgres/chart_indexes.rs` made them while everybody went on. Nobody writes
-- meanwhile: whoever does begins with a row of `commits`.
lock table commits in exclusive mode;

do $$
declare
    part record;
begin
    for part in
        select c.relname as partition, c.relname || one.suffix as name, one.definition
        from pg_inherits h join pg_class c on c.oid = h.inhrelid, (values
            ('_time', '(monitor_id, started_at)'),
            ('_points', '(monitor_id, started_at, id) include (new_state, return_value)
                where coalesce(octet_length(return_value), 0) <= 1000'),
            ('_long_points', '(monitor_id, started_at, id) where coalesce(octet_length(return_value), 0) > 1000')
        ) as one (suffix, definition)
        where h.inhparent = to_regclass('runs') and not h.inhdetachpending
    loop
        -- Half of one, by whoever was stopped in the middle.
        if exists (select 1 from pg_index where indexrelid = to_regclass(quote_ident(part.name)) and not indisvalid) then
            execute format('drop index %I', part.name);
        end if;
        execute format('create index if not exists %I on %I %s', part.name, part.partition, part.definition);
    end loop;
end $$;

-- Whoever reads has the table first and its indexes afterwards, and so has this.
lock table runs in access exclusive mode;

create index runs_time on only runs (monitor_id, started_at);
create index runs_points on only runs (monitor_id, started_at, id) include (new_state, return_value)
    where coalesce(octet_length(return_value), 0) <= 1000;
create index runs_long_points on only runs (monitor_id, started_at, id)
    where coalesce(octet_length(return_value), 0) > 1000;

do $$
declare
    part record;
begin
    for part in
        select i.relname as whole, c.relname || substr(i.relname, 5) as name
        from pg_inherits h join pg_class c on c.oid = h.inhrelid
            join pg_index x on x.indrelid = h.inhparent join pg_class i on i.oid = x.indexrelid
        where h.inhparent = to_regclass('runs') and not h.inhdetachpending
            and i.relname in ('runs_time', 'runs_points', 'runs_long_points')
    loop
        execute format('alter index %I attach partition %I', part.whole, part.name);
    end loop;
end $$;

drop index runs_series;
