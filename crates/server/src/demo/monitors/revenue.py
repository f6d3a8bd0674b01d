# Rows as dicts. This one never fails: it is here for its chart.
import time

now = int(time.time())
row, = sources['orders'].execute(
    'select count(*) as orders, coalesce(sum(amount), 0) as revenue from orders where placed_at > ? and placed_at <= ?',
    [now - 3600, now], as_dict=True)
return_value = float(row['revenue'])
print('%(orders)d orders, %(revenue).2f in the last hour' % row)
