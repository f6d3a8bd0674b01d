# A straight line through the last six hours: when does it reach the end of the disk?
from statistics import linear_regression

SIZE = 1e12
points = sources['graphite'].get_datapoints('disk.data', '-6h')
values = [value for value, _ in points]
line = linear_regression([at for _, at in points], values)
return_value = round(100 * values[-1] / SIZE, 1)
if line.slope > 0:
    hours = (SIZE - values[-1]) / line.slope / 3600
    print('%.1f %% used, full in %.0f hours' % (return_value, hours))
    if hours < 24:
        raise MonitorFailure('The data disk is full in %.0f hours' % hours)
