import collections
import datetime
import json
import re
import statistics


class Threshold:
    def __init__(self, name, limit):
        self.name = name
        self.limit = limit

    def exceeded(self, value):
        return value >= self.limit


def share(part, whole):
    return part / whole if whole else 0.0


rows = [('web1', 'up', 0.2), ('web2', 'down', 1.5), ('web3', 'up', 0.7)]
counts = collections.Counter(state for _, state, _ in rows)
by_name = {name: (state, load) for name, state, load in rows}
try:
    if counts['down'] > 0:
        raise MonitorFailure('%d of %d are down: %.1f%%' % (counts['down'], len(rows), 100 * share(counts['down'], len(rows))))
except MonitorFailure as failure:
    message = str(failure)
slow = sorted((load, name) for name, (_, load) in by_name.items() if Threshold(name, 0.5).exceeded(load))
mean = statistics.mean(load for load, _ in slow)
moment = datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone.utc)
stamp = (moment - datetime.timedelta(hours=1)).isoformat()
number = int(re.match(r'web(\d+)', rows[0][0]).group(1))
text = f'{message}; {mean:.2f} {stamp} {number}'
total = sources['warm_up'].value('sum(stats_counts.response.*)', '-10min')
errors = sources['warm_up'].value('stats_counts.response.500', from_date='-10min')
if errors / total < 0.5:
    text += 'never'
try:
    sources['none']
except KeyError as error:
    text += str(error)
if previous and previous.return_value is not None and previous.at < moment:
    text += previous.state
return_value = json.loads(json.dumps({'a': [1, 2.5, None, 'x'], 'b': {'c': text}}))['a'][0]
