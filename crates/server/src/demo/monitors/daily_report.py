# Weekday mornings, in Berlin's time. `previous` is what the run before left.
import time

now = int(time.time())
rows = sources['orders'].execute('select coalesce(sum(amount), 0) from orders where placed_at > ? and placed_at <= ?', [now - 86400, now])
return_value = float(rows[0][0])
if previous and previous.return_value and return_value < previous.return_value / 3:
    raise MonitorFailure('Revenue fell from %.0f to %.0f' % (previous.return_value, return_value))
