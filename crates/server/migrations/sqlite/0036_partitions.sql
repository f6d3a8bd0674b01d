-- PostgreSQL keeps runs in partitions from here on (its step of the same name). A file has one writer, and what goes from it leaves
-- room for what comes: nothing is to be done.
select 1;
