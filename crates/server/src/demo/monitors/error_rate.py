# Two numbers from one source, judged together: no threshold form could say this.
total  = sources['graphite'].get_sum('shop.requests', '-30s')
errors = sources['graphite'].get_sum('shop.errors', '-30s')
return_value = errors / total
if return_value >= .005:
    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))
