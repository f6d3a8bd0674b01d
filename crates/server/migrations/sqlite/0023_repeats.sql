-- Attempts of a delivery that the receiver is known not to have taken. Where there were more attempts than these, one may have
-- arrived: its answer was lost, or the server was.
alter table deliveries add column refusals integer not null default 0;
update deliveries set refusals = attempts where last_error is not null;
