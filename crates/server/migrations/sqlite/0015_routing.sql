-- Which alerts tell of which monitors and problems.

-- The alerts that tell of a monitor, a JSON list of keys; null is all of them.
alter table monitors add column alerts text;

-- The severities of problems that an alert is for, and the tags: monitors with one of them, or all where the list is empty.
-- JSON lists, both.
alter table alerts add column severities text not null default '["critical","warning"]';
alter table alerts add column tags text not null default '[]';
