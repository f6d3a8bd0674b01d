import random
from statistics import mean

# Made-up orders. Real ones might be
# sources['shop'].execute('select ...')
orders = random.randint(80, 120)
return_value = orders

# This hour a week ago; none at first.
week_ago = history('-7d1h', '-7d')
before = [run.return_value
          for run in week_ago
          if run.return_value is not None]
if before:
    threshold = mean(before) / 2
    if orders < threshold:
        raise MonitorFailure(
            f'{orders} orders; a week ago '
            f'{mean(before):.0f}')
