# Times, with the standard library.
from datetime import datetime, timedelta, timezone

last = datetime.fromisoformat(sources['graphite'].get_text('backup.last'))
age = datetime.now(timezone.utc) - last
return_value = '%d h old' % (age.total_seconds() // 3600)
if age > timedelta(hours=26):
    raise MonitorFailure('The last backup ended %s' % last.isoformat(' ', 'minutes'))
