# Three failing runs in a row make a flip (alarm_after): a hiccup wakes nobody.
tried  = sources['graphite'].get_sum('payments.tried', '-30s')
failed = sources['graphite'].get_sum('payments.failed', '-30s')
return_value = round(100 * (1 - failed / tried), 2)
if return_value < 95:
    raise MonitorFailure('Only %.1f %% of payments succeed' % return_value)
