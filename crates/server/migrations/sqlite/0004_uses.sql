-- Which monitors name which source, as far as the text of their scripts shows. A page asks it for every source; looking
-- through all scripts each time took as long as there are scripts.
create table uses (
    source text not null,
    monitor_id integer not null references monitors (id),
    primary key (source, monitor_id)
) strict, without rowid;
create index uses_monitor on uses (monitor_id);

insert or ignore into uses (source, monitor_id)
with recursive rest (id, script) as (
    select id, substr(script, instr(script, 'sources[') + 8) from monitors
    where deleted_at is null and instr(script, 'sources[') > 0
    union all
    select id, substr(script, instr(script, 'sources[') + 8) from rest where instr(script, 'sources[') > 0
),
quoted (id, quote, name) as (
    select id, substr(script, 1, 1), substr(script, 2, 202) from rest where substr(script, 1, 1) in ('''', '"')
)
select substr(name, 1, instr(name, quote || ']') - 1), id from quoted where instr(name, quote || ']') > 1;
