import math, random, time

# Visitors of a made-up site, with a rhythm.
rhythm = math.sin(time.time() / 600)
visitors = int(500 + 300 * rhythm
               + random.gauss(0, 40))

return_value = visitors
before = previous and previous.return_value
if before and visitors < before / 2:
    raise MonitorFailure(
        f'from {before} to {visitors} visitors')
