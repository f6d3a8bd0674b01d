-- See SQLite's step of the same number.
create table on_call_calendars (
    rota text collate "C" primary key,
    content text collate "C",
    fetched_at bigint,
    fault text collate "C",
    fault_since bigint
);
