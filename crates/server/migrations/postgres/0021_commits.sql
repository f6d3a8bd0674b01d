-- What each writer's last transaction is known by: written in that transaction, so that it is there if, and only if, the
-- transaction was committed. One row for each connection that writes; room for its versions in its page.
create table commits (
    writer text collate "C" primary key,
    token text collate "C" not null,
    at bigint not null
) with (fillfactor = 10);
