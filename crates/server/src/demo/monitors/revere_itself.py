# Over HTTP, where the configuration allows it: the server that runs this.
response = sources['revere'].get('/healthz')
return_value = round(1000 * response.elapsed, 1)
if response.status != 200:
    raise MonitorFailure('/healthz answered %d' % response.status)
