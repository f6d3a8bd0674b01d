from datetime import datetime, timezone

# A made-up backup at the full hour;
# ask a source for the real one.
now = datetime.now(timezone.utc)
last = now.replace(minute=0, second=0)
minutes = (now - last).seconds // 60

return_value = minutes
if minutes > 50:
    raise MonitorFailure(
        f'{minutes} min old: look there')
