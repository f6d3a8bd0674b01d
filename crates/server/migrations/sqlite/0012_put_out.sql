-- Since when somebody may not come in who lost every role at their provider; the next log-in that gives them one ends it.
alter table users add column put_out_at integer;
