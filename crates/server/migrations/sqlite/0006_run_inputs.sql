-- What a run began with, beside started_at, which is the instant that its clock showed first: with these a run can be made
-- again as it was. Null for runs recorded before, and for imported ones, of which it is not known.
-- seed has 64 bits without a sign, kept in a column that has one.
alter table runs add column seed integer;
alter table runs add column script_version text;
