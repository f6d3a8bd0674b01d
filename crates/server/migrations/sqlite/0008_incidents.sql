-- An incident is one episode of not being OK, from the flip that opened it to the one that ended it; its id is that of the
-- flip that opened it. Receivers that keep something open until it is over (pagers) need to hear the same one at the
-- beginning and at the end. None of these is a reference: a deleted monitor's flips go in any order.

-- The one that is going on; null while there is no problem.
alter table statuses add column incident_id integer;
-- The one that was told last and whose end was not; null where `open` is no problem. What an alert tells next belongs to
-- it, even if the monitor has begun another one meanwhile and the alert was away.
alter table told add column incident_id integer;
-- The one that a delivery tells of; null where it is about none.
alter table deliveries add column incident_id integer;

update statuses set incident_id =
    (select f.id from flips f where f.monitor_id = statuses.monitor_id
         and f.old_state not in ('ALARM', 'ERROR') and f.new_state in ('ALARM', 'ERROR') order by f.id desc limit 1)
where state in ('ALARM', 'ERROR');

update told set incident_id =
    (select f.id from flips f where f.monitor_id = told.monitor_id
         and f.old_state not in ('ALARM', 'ERROR') and f.new_state in ('ALARM', 'ERROR') order by f.id desc limit 1)
where open in ('ALARM', 'ERROR');

update deliveries set incident_id =
    (select f.id from flips f where f.monitor_id = deliveries.monitor_id and f.id <= deliveries.flip_id
         and f.old_state not in ('ALARM', 'ERROR') and f.new_state in ('ALARM', 'ERROR') order by f.id desc limit 1)
where exists
    (select 1 from flips f where f.id = deliveries.flip_id
         and (f.old_state in ('ALARM', 'ERROR') or f.new_state in ('ALARM', 'ERROR')));
