-- Charts, and history between two times, ask for a monitor's runs by when they began.
create index runs_time on runs (monitor_id, started_at);
