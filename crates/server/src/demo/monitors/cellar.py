# Switched off since the cellar was cleared out: a monitor keeps its history.
value, at = sources['graphite'].get_datapoints('cellar.temperature', '-30s')[-1]
return_value = round(value, 1)
if return_value > 20:
    raise MonitorFailure('%.1f degrees in the cellar' % return_value)
