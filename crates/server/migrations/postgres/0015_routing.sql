-- What each column is for stands in SQLite's step of the same name.
alter table monitors add column alerts text collate "C";
alter table alerts add column severities text collate "C" not null default '["critical","warning"]';
alter table alerts add column tags text collate "C" not null default '[]';
