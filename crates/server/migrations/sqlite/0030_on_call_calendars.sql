-- The calendars of rotas, as they could be fetched last.
create table on_call_calendars (
    rota text primary key,
    -- What takes place, as JSON; null if it never could be.
    content text,
    fetched_at integer,
    -- Why it cannot be fetched, and since when; null if it can.
    fault text,
    fault_since integer
) strict, without rowid;
