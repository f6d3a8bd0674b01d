-- What somebody filters the list of monitors by again and again: the query of its address, under a name of theirs.
create table saved_filters (
    id integer primary key autoincrement,
    user_id integer not null references users (id),
    name text not null,
    query text not null,
    unique (user_id, name)
) strict;
