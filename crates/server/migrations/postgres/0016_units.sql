-- What the numbers of a monitor's runs count (empty for nothing), and with how many decimals they are shown (null for as
-- many as there are).
alter table monitors add column unit text collate "C" not null default '';
alter table monitors add column decimals bigint;
