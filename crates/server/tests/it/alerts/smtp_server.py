"""The mail server of the tests: a real one (aiosmtpd), in the three ways that servers are reached.

    smtp_server.py FOLDER CERTIFICATE KEY PLAIN_PORT STARTTLS_PORT TLS_PORT

The plain one takes mail from anyone; the others want a name and a password. Each mail it takes for somebody becomes a
file FOLDER/<recipient>/<number>.json before the sender hears `250`. Some recipients are special:

    nobody-...    does not exist (550)
    later-...     is put off (450) until the file FOLDER/<recipient>.ready exists
    full-...      is fine until the mail comes, which is then refused (552)
    busy-...      is fine until the mail comes, for which there is no room just now (452)
"""
import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

FOLDER = pathlib.Path(sys.argv[1])
USER, PASSWORD = b'revere', b'mail-s3cret'


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('nobody-'):
            return '550 5.1.1 there is no such mailbox'
        if address.startswith('later-') and not (FOLDER / (address + '.ready')).exists():
            return '450 4.2.0 greylisted, come back later'
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        for start, refusal in (('full-', '552 5.2.2 the mailbox is full'), ('busy-', '452 4.3.1 no room just now')):
            if any(address.startswith(start) for address in envelope.rcpt_tos):
                return refusal
        for address in envelope.rcpt_tos:
            box = FOLDER / address
            box.mkdir(parents=True, exist_ok=True)
            mail = {
                'from': envelope.mail_from,
                'to': envelope.rcpt_tos,
                'raw': envelope.original_content.decode('utf-8'),
                'encrypted': server.transport.get_extra_info('ssl_object') is not None,
                'signed_in': bool(session.authenticated),
            }
            number = len(list(box.glob('*.json')))
            partial = box / 'partial'
            partial.write_text(json.dumps(mail))
            partial.rename(box / ('%d.json' % number))
        return '250 2.0.0 taken'


def check(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER, PASSWORD)
    return AuthResult(success=right, handled=right, message=None if right else '535 5.7.8 wrong name or password')


def main():
    certificate, key = sys.argv[2:4]
    plain, starttls, tls = (int(port) for port in sys.argv[4:7])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    login = {'authenticator': check, 'auth_required': True}
    host = {'hostname': '127.0.0.1', 'server_hostname': 'localhost'}
    servers = [
        Controller(Handler(), port=plain, **host),
        Controller(Handler(), port=starttls, tls_context=context, require_starttls=True, **login, **host),
        Controller(Handler(), port=tls, ssl_context=context, auth_require_tls=False, **login, **host),
    ]
    for server in servers:
        server.start()
    asyncio.new_event_loop().run_forever()


main()
