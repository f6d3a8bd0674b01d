# SQL with parameters, on a database the script has no password for.
import time

now = int(time.time())
rows = sources['orders'].execute('select count(*) from orders where placed_at > ? and placed_at <= ?', [now - 30, now])
return_value = rows[0][0]
if return_value == 0:
    raise MonitorFailure('No order for half a minute')
