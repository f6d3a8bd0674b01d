# The last point of a series. What is left in return_value is recorded and charted.
value, at = sources['graphite'].get_datapoints('mail.queue', '-30s')[-1]
return_value = int(value)
if return_value > 200:
    raise MonitorFailure('%d mails are waiting' % return_value)
