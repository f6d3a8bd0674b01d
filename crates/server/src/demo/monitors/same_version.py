# return_value may be a text: here the versions that are running.
versions = {host: sources['graphite'].get_text('deploy.' + host) for host in ('web1', 'web2', 'web3')}
return_value = ', '.join(sorted(set(versions.values())))
if len(set(versions.values())) > 1:
    raise MonitorFailure('Different versions: ' + ', '.join('%s on %s' % (version, host) for host, version in versions.items()))
