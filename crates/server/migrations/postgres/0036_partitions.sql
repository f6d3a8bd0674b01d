-- Runs in partitions by when they began, so that those whose time is over for every monitor go with their partition and not one by
-- one. What there is becomes the first one, as it is: nothing is copied, and the rule that `migrate::look_through` left proves that
-- all of it fits. So this takes moments, however many runs there are. Nobody writes meanwhile: whoever does begins with a row of `commits`.
--
-- There is no key of all partitions: it would have to hold `started_at`. Each has one of its own; ids come from one sequence. A run is
-- written once and never changed, so none ever moves from one partition to another.
lock table commits in exclusive mode;

alter table runs rename to runs_before;
alter index runs_pkey rename to runs_before_pkey;
alter index runs_series rename to runs_before_series;
alter index runs_state_time rename to runs_before_state_time;
alter index runs_flip_time rename to runs_before_flip_time;
alter index runs_warning_time rename to runs_before_warning_time;
alter index runs_threshold rename to runs_before_threshold;

-- A column that counts by itself may be in no partition. The numbers go on where they were.
alter sequence runs_id_seq rename to runs_before_id_seq;
create sequence runs_id_seq;
select setval('runs_id_seq', last_value, is_called) from runs_before_id_seq;
alter table runs_before alter column id drop identity;

create table runs (like runs_before) partition by range (started_at);
alter table runs alter column id set default nextval('runs_id_seq');
alter sequence runs_id_seq owned by runs.id;
create index runs_series on runs (monitor_id, started_at, new_state, substr(return_value, 1, 200));
create index runs_state_time on runs (monitor_id, new_state, started_at);
create index runs_flip_time on runs (monitor_id, new_state, started_at) where old_state <> new_state;
create index runs_warning_time on runs (monitor_id, new_state, started_at) where severity = 'warning';
create index runs_threshold on runs (monitor_id, started_at, threshold) where threshold is not null;

do $$
declare
    bound bigint;
begin
    -- Where the rule says; or, where there were no runs to look through, where this week begins or, if some came meanwhile, after them.
    select substring(pg_get_constraintdef(oid) from '[0-9]+')::bigint into bound from pg_constraint
        where conrelid = 'runs_before'::regclass and conname = 'runs_before_bound';
    if bound is null then
        select (extract(epoch from date_trunc('week', to_timestamp(greatest(max(started_at) / 1000000,
                extract(epoch from now())::bigint)) at time zone 'UTC')
            + case when max(started_at) is null then interval '0' else interval '35 days' end) * 1000000)::bigint
            into bound from runs_before;
    end if;
    execute format('alter table runs attach partition runs_before for values from (minvalue) to (%s)', bound);
    alter table runs_before drop constraint if exists runs_before_bound;
end $$;
