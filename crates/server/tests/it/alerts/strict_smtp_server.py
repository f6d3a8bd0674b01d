"""A mail server (aiosmtpd) that greets back only full names and addresses, and lets sign in only encrypted.

Says its port, then one line of JSON for each mail. With the argument `no-auth` it lets nobody sign in anywhere, with `no-pictures` it takes no mail with one. Its certificate is `certificate.pem` beside `key.pem` where it starts.
"""
import asyncio
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        if '.' not in hostname and ':' not in hostname:
            return ['550 5.7.1 a full name, please']
        session.host_name = hostname
        return [line for line in responses if 'no-auth' not in sys.argv or 'AUTH' not in line]

    async def handle_DATA(self, server, session, envelope):
        if 'no-pictures' in sys.argv and b'Content-Type: image/' in envelope.content:
            return '552 5.3.4 no pictures here'
        encrypted = server.transport.get_extra_info('ssl_object') is not None
        heard = {'hello': session.host_name, 'encrypted': encrypted, 'signed_in': bool(session.authenticated)}
        print(json.dumps(heard), flush=True)
        return '250 2.0.0 taken'


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('certificate.pem', 'key.pem')
server = Controller(
    Handler(), hostname='127.0.0.1', port=0, tls_context=context, authenticator=lambda *_: AuthResult(success=True),
)
# A port of its own choosing cannot be tried by the controller, so it is started by hand.
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
listening = loop.run_until_complete(loop.create_server(server._factory_invoker, '127.0.0.1', 0))
print(listening.sockets[0].getsockname()[1], flush=True)
loop.run_forever()
