# Compared with the same time yesterday, so that busy hours alone wake nobody.
from statistics import mean

def p95(begin, end):
    return mean(value for value, _ in sources['graphite'].get_datapoints('shop.latency_p95', begin, end))

today = p95('-30s', 'now')
yesterday = p95('-86430s', '-86400s')
return_value = round(today, 1)
if today > 1.7 * yesterday:
    raise MonitorFailure('Answers take %.0f ms, yesterday at this time %.0f ms' % (today, yesterday))
