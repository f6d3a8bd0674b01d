# Configuration of Revere. Every key: /usr/share/doc/revere/CONFIG.md
#
# Say whether it is right:   revere -c /etc/revere/config.py check
# Have it take effect:       systemctl restart revere
#
# This file may be read by the user `revere` and by root alone. Passwords need not stand in it: 'FILE:/path',
# 'CREDENTIAL:name' (LoadCredential= of systemd) and 'ENV:NAME' (/etc/default/revere) say where they are kept.

DATABASE_PATH = '/var/lib/revere/revere.db'

# How people reach the server; links in alerts begin with it.
#BASE_URL = 'https://revere.example.com'

# HTTPS without a proxy. Another pair is taken up by itself.
#TLS_CERTIFICATE = '/etc/revere/tls/fullchain.pem'
#TLS_KEY = '/etc/revere/tls/privkey.pem'

# People log in by name and password. On an address that others can reach nothing starts without. The first start prints a
# link by which you become the administrator: journalctl -u revere
#LOCAL_USERS = True

# Or with Google accounts of one domain, or with any provider of OpenID Connect: /usr/share/doc/revere/LOGIN.md
#GOOGLE_APPS_DOMAIN = 'example.com'
#GOOGLE_CLIENT_ID = '1234567890-abc.apps.googleusercontent.com'
#GOOGLE_CLIENT_SECRET = 'CREDENTIAL:google'
#SECRET_KEY = 'CREDENTIAL:secret-key'

# Where the proxy asks from: it says whom each request is of. Behind HTTPS of a proxy nobody else is answered but this machine.
#TRUSTED_PROXIES = ['127.0.0.1']

#TIMEZONE = 'Europe/Berlin'

REVERE_SOURCES = {
    #'graphite': {
    #    'type': 'graphite',
    #    'description': 'Metrics of the shop',
    #    'config': {'url': 'http://127.0.0.1:8080'},
    #},
}

REVERE_ALERTS = {
    #'ops': {
    #    'type': 'email',
    #    'description': 'The people on call',
    #    'config': {'host': 'localhost', 'from': 'revere@example.com', 'to': ['ops@example.com']},
    #},
}
