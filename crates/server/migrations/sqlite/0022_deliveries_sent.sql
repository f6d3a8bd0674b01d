-- When an alert told last of a monitor is asked for each problem that goes on.
create index deliveries_sent on deliveries (alert_key, monitor_id, settled_at) where status = 'sent';
