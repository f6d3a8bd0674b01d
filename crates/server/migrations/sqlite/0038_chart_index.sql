-- PostgreSQL gets an index that charts are drawn from alone (its step of the same name). Here `runs_series` is one: nothing is to be
-- done.
select 1;
