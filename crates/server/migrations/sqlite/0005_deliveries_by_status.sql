-- The last delivery that an alert sent, and the last that it gave up, are asked for on pages and when another alert is to
-- tell something instead. Without this they were looked for through everything the alert ever told.
create index deliveries_alert_status on deliveries (alert_key, status, id);
