import math, random, time

# Visitors of a made-up site, in a rhythm.
rhythm = math.sin(time.time() / 600)
visitors = int(500 + 300 * rhythm
               + random.gauss(0, 40))

return_value = visitors
was = previous and previous.return_value
if was and visitors < was / 2:
    raise MonitorFailure(
        f'{visitors}, just now {was}')
