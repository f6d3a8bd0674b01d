# Configuration of Revere.
#
# This is Python, evaluated once when the server starts, in the same sandbox as monitors: it can read the environment
# and import .py files from its own folder, and nothing else. Upper-case names are settings; names of your own go in
# lower case or begin with an underscore. Check it with `revere check --connect`.
#
# Lines that begin with `#` and no space are examples: take the `#` away to use them. Every setting is described in
# docs/CONFIG.md, the types of sources in docs/SOURCES.md, and those of alerts in docs/ALERTS.md.

#import os

# --- Sources: where monitors get their data -------------------------------------------------------------------------
#
# A monitor says sources['graphite'].get_sum(...); it never sees an address or a password.

REVERE_SOURCES = {
#    'graphite': {
#        'type': 'graphite',
#        'description': 'What the web servers report',
#        'config': {
#            'url': 'https://graphite.example.com/',
#            'auth_username': 'revere',
#            'auth_password': os.environ.get('GRAPHITE_PASSWORD', 'change me'),
#        },
#    },
#    'orders': {
#        'type': 'database',
#        'description': 'The shop, read-only',
#        'config': {
#            'connection_string': 'postgresql://revere:change-me@db.example.com/shop',
#            'timeout': 10,
#        },
#    },
#    'prometheus': {
#        'type': 'prometheus',
#        'config': {'url': 'http://prometheus.example.com:9090/'},
#    },
#    'shop': {
#        'type': 'http',
#        'description': 'The public web site',
#        'config': {'base_url': 'https://shop.example.com/'},
#    },
}

# --- Alerts: how people are notified --------------------------------------------------------------------------------
#
# Which states each alert notifies of is chosen in the web page and kept in the database.

REVERE_ALERTS = {
    # Writes each change of state to the server's log.
    'log': {
        'type': 'log',
        'description': 'The server log',
    },
#    'on-call': {
#        'type': 'email',
#        'description': 'Mail to whoever is on call',
#        'config': {
#            'host': 'smtp.example.com',
#            'username': 'revere',
#            'password': os.environ.get('SMTP_PASSWORD', 'change me'),
#            'from': 'revere@example.com',
#            'to': ['on-call@example.com'],
#        },
#    },
#    'chat': {
#        'type': 'webhook',
#        'description': 'The team channel',
#        'enabled': True,
#        'config': {'url': 'https://chat.example.com/hooks/change-me'},
#    },
}

# --- The server -----------------------------------------------------------------------------------------------------

# Where everything is kept. A relative path counts from this file's folder.
DATABASE_PATH = 'revere.db'

# The time zone of new monitors' schedules.
#TIMEZONE = 'Europe/Berlin'

# How people reach this server; links in alerts begin with it.
#BASE_URL = 'https://revere.example.com'

# Folders with .py files that monitors may import.
#PYTHON_PATH = ['monitor_library']

# Days the runs of a new monitor are kept; 0 keeps them for ever.
#DEFAULT_RETAIN_DAYS = 28

# Days a deleted monitor can be brought back.
#KEEP_DELETED_DAYS = 30

# Days that it is kept who did what; 0 keeps it for ever. And where it is written, too: a file, or 'stdout'.
#AUDIT_DAYS = 400
#AUDIT_LOG = '/var/log/revere/audit.log'

# What one run of a monitor may use.
#RUN_TIMEOUT = 30
#RUN_MEMORY_MB = 256

# --- Who may come in ------------------------------------------------------------------------------------------------
#
# On an address that others can reach people have to log in. docs/ACCESS.md and docs/LOGIN.md have it all.

# With a name and a password that Revere keeps.
#LOCAL_USERS = True

# With Google accounts of one domain.
#GOOGLE_APPS_DOMAIN = 'example.com'
#GOOGLE_CLIENT_ID = '1234567890-abc.apps.googleusercontent.com'
#GOOGLE_CLIENT_SECRET = os.environ.get('GOOGLE_CLIENT_SECRET', 'change me')

# With any provider of OpenID Connect.
#OIDC_ISSUER = 'https://id.example.com'
#OIDC_CLIENT_ID = 'revere'
#OIDC_CLIENT_SECRET = os.environ.get('OIDC_CLIENT_SECRET', 'change me')
#OIDC_ROLES = {'ops': 'administrator', 'staff': 'viewer'}

# Google and other providers need a key of your own: python3 -c "import secrets; print(secrets.token_urlsafe(32))"
#SECRET_KEY = os.environ.get('REVERE_SECRET_KEY', 'change me to a long random text')

# Through a proxy that has asked them already, and says who they are.
#TRUSTED_PROXIES = ['127.0.0.1', '::1']
#PROXY_USER_HEADER = 'X-Forwarded-User'
