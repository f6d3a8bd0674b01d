# The scripts of scripts.rs: what monitors do, and what they could do, a few milliseconds of each. A line of this form
# begins one:

#: monitor
total = sources['graphite'].get_sum('sum(stats_counts.response.*)', '-10min')
errors = sources['graphite'].get_sum('stats_counts.response.500', '-10min')
return_value = errors / total
if return_value >= .005:
    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))

#: alarm
total = sources['graphite'].get_sum('sum(stats_counts.response.*)', '-10min')
errors = sources['graphite'].get_sum('stats_counts.response.500', '-10min')
return_value = errors / total
if return_value >= .0005:
    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))

#: error
rows = {'web1': [('up', 1), ('down', 2)]}
return_value = len(rows['web1'])
if rows['web2'][0][1] > 2:
    raise MonitorFailure('two')

#: calls
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

return_value = fib(19)

#: floats
mean = total = 0.0
for n in range(1, 40000):
    delta = n * 0.37 - mean
    mean += delta / n
    total += delta * (n * 0.37 - mean)
return_value = total / 40000

#: integers
state, found = 12345, 0
for n in range(40000):
    state = (state * 1103515245 + 12345) & 0x7fffffff
    if state >> 5 & 3 == 2:
        found += 1
return_value = found

#: lists
rows = [(n * 7919 % 10007, 'host%d' % (n % 37)) for n in range(8000)]
rows.sort(key=lambda row: (row[1], -row[0]))
return_value = sum(value for value, host in rows if host.endswith('7'))

#: dicts
counts = {}
for n in range(15000):
    key = 'status.%d' % (n % 613)
    counts[key] = counts.get(key, 0) + n
worst = max(counts, key=counts.get)
return_value = len({value for value in counts.values()}) + len(worst)

#: counters
from collections import Counter, defaultdict, deque
words = ('up down up degraded up unknown ' * 900).split()
by_length = defaultdict(list)
window = deque(maxlen=20)
for word in words:
    by_length[len(word)].append(word)
    window.append(word)
return_value = Counter(words).most_common(1)[0][1] + len(by_length) + len(window)

#: text
lines = []
for n in range(3000):
    lines.append(f'host{n:05d} load={n / 7:.2f} state={"up" if n % 3 else "down":>6}')
text = '\n'.join(lines)
down = [line.split()[0] for line in text.splitlines() if line.rstrip().endswith('down')]
return_value = len(', '.join(down).upper().replace('HOST', ''))

#: percents
text = ''
for n in range(4000):
    text = '%s: %d of %5.1f (%r)' % ('web%d' % n, n, n / 3, text[:5])
return_value = len(text)

#: regexes
import re
log = '\n'.join('10.0.%d.%d - - [29/Nov/2026:12:%02d:00] "GET /item/%d HTTP/1.1" %d' % (n % 250, n % 7, n % 60, n, 500 if n % 11 == 0 else 200) for n in range(600))
pattern = re.compile(r'^(?P<host>\d+\.\d+\.\d+\.\d+) .*? "(?:GET|POST) (\S+) [^"]*" (?P<status>\d{3})$', re.M)
found = [m['host'] for m in pattern.finditer(log) if m['status'] == '500']
return_value = len(found) + len(re.sub(r'\d+', '#', log))

#: json
import json
document = {'hosts': [{'name': f'web{n}', 'load': n / 3, 'up': n % 5 != 0, 'tags': ['a', 'b', None]} for n in range(500)]}
text = json.dumps(document, indent=1, sort_keys=True)
back = json.loads(text)
return_value = sum(1 for host in back['hosts'] if not host['up'])

#: csv
import csv, io
out = io.StringIO()
writer = csv.writer(out)
writer.writerows((n, f'name, {n}', n * 1.5) for n in range(3000))
out.seek(0)
return_value = sum(float(row[2]) for row in csv.reader(out))

#: dates
from datetime import datetime, timedelta, timezone
moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
late = 0
for n in range(2500):
    moment += timedelta(minutes=37)
    back = datetime.fromisoformat(moment.isoformat())
    if back.weekday() < 5 and 8 <= back.hour < 18:
        late += (back - moment + timedelta(hours=1)).seconds
return_value = late

#: zones
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo
zone, moment, text = ZoneInfo('Europe/Berlin'), datetime(2026, 3, 28, tzinfo=ZoneInfo('UTC')), ''
for n in range(800):
    moment += timedelta(minutes=11)
    text = moment.astimezone(zone).strftime('%Y-%m-%d %H:%M %Z')
return_value = text

#: statistics
import statistics
values = [(n * 7919 % 1009) / 7 for n in range(900)]
return_value = statistics.mean(values) + statistics.pstdev(values) + statistics.median(values) + statistics.quantiles(values, n=20)[18]

#: decimals
from decimal import Decimal
from fractions import Fraction
total = Decimal(0)
for n in range(1, 3000):
    total += Decimal(n) / Decimal('3.7')
return_value = str(round(total, 2)) + str(sum(Fraction(1, n) for n in range(1, 60)))

#: big integers
product = 1
for n in range(1, 1200):
    product *= n
return_value = str(pow(3, product % 100003, 10**40 + 7)) + str(product % (10**30))

#: classes
class Host:
    def __init__(self, name, load):
        self.name, self.load, self.history = name, load, []

    @property
    def busy(self):
        return self.load > 50

    def observe(self, load):
        self.history.append(self.load)
        self.load = load
        return self

hosts = [Host('web%d' % n, n) for n in range(100)]
for turn in range(60):
    for host in hosts:
        host.observe((host.load * 31 + turn) % 101)
return_value = sum(host.busy for host in hosts)

#: data classes
from dataclasses import dataclass, field, replace
from enum import Enum

class State(Enum):
    UP = 1
    DOWN = 2

@dataclass(order=True)
class Check:
    name: str
    state: State = field(compare=False, default=State.UP)
    took: float = 0.0

checks = [Check('check%d' % n, State.DOWN if n % 9 == 0 else State.UP, n / 3) for n in range(600)]
checks = sorted(replace(check, took=check.took * 2) for check in checks)
return_value = sum(check.state is State.DOWN for check in checks)

#: generators
from itertools import chain, groupby, islice, accumulate

def numbers(start):
    while True:
        yield start
        start += 3

def windows(values, size):
    window = []
    for value in values:
        window.append(value)
        if len(window) == size:
            yield tuple(window)
            window = window[1:]

total = sum(max(window) - min(window) for window in windows(islice(numbers(5), 5000), 4))
groups = [(key, len(list(group))) for key, group in groupby(islice(numbers(0), 5000), lambda n: n // 100)]
return_value = total + len(groups) + max(accumulate(chain(range(2000), range(2000))))

#: exceptions
caught = 0
for n in range(8000):
    try:
        if n % 3 == 0:
            raise ValueError(n)
        [][n]
    except IndexError:
        caught += 1
    except ValueError as error:
        caught += error.args[0] % 2
return_value = caught

#: heaps
import heapq, bisect
heap, ordered = [], []
for n in range(5000):
    value = n * 7919 % 10007
    heapq.heappush(heap, value)
    if n % 5 == 0:
        bisect.insort(ordered, value)
return_value = sum(heapq.heappop(heap) for _ in range(2000)) + ordered[100]

#: hashes
import hashlib, hmac, base64
text = b'x' * 500
for n in range(400):
    text = hashlib.sha256(text).digest() + hmac.new(b'key', text, 'sha1').digest()
return_value = base64.b64encode(text).decode() + hashlib.md5(bytes(200_000)).hexdigest()

#: compression
import zlib, binascii
text = ''.join('line %d of the log\n' % (n * 7919 % 1009) for n in range(4000)).encode()
packed = zlib.compress(text)
return_value = len(packed) + len(zlib.decompress(packed)) + binascii.crc32(text)

#: structures
import struct
packed = b''.join(struct.pack('<IHd', n, n % 65536, n / 3) for n in range(4000))
return_value = sum(value[2] for value in struct.iter_unpack('<IHd', packed))

#: urls
from urllib.parse import urlsplit, parse_qs, urlencode, quote
found = 0
for n in range(500):
    url = 'https://example.com/find/%s?%s#top' % (quote('ä b%d' % n), urlencode({'q': 'a b', 'n': n}))
    parts = urlsplit(url)
    found += int(parse_qs(parts.query)['n'][0]) + len(parts.path)
return_value = found

#: markup
import xml.etree.ElementTree as tree
text = '<hosts>' + ''.join(f'<host name="web{n}"><load>{n / 3:.2f}</load></host>' for n in range(800)) + '</hosts>'
root = tree.fromstring(text)
return_value = sum(float(host.find('load').text) for host in root.iter('host')) + len(tree.tostring(root))

#: random
import random
values = [random.gauss(10, 3) for _ in range(3000)]
random.shuffle(values)
return_value = sum(random.choice(values) for _ in range(3000))

#: matching
def shape(event):
    match event:
        case {'kind': 'http', 'status': int(status)} if status >= 500:
            return status
        case {'kind': 'disk', 'free': float(free)}:
            return free * 100
        case [first, *rest]:
            return len(rest)
        case str() | bytes():
            return 1
        case _:
            return 0

events = [{'kind': 'http', 'status': 503}, {'kind': 'disk', 'free': 0.2}, ['a', 'b', 'c'], 'text', None]
return_value = sum(shape(events[n % 5]) for n in range(8000))

#: compiling
import ast
text = '\n'.join(f'def check_{n}(a, b=1):\n    return [x * a + b for x in range({n}) if x % 2]' for n in range(40))
tree = ast.parse(text)
names = {}
exec(compile(tree, 'made', 'exec'), names)
return_value = sum(len(names[f'check_{n}'](2)) for n in range(40)) + sum(1 for _ in ast.walk(tree))

#: source rows
rows = sources['graphite'].rows()
by_host = {}
for host, state, load in rows:
    by_host.setdefault(host, []).append(load)
return_value = max(sum(loads) / len(loads) for loads in by_host.values())

#: printing
for n in range(300):
    print('host', n, 'load', n / 7, ['up', 'down'][n % 2])
return_value = n
