"""Makes a room of a Synapse, with one who reads there and one who is to write.

    matrix_room.py ENDPOINT SECRET STANDING

The one who writes is `joined`, `invited` or a `stranger`. Prints an object: `room_id`, the tokens `writes` and `reads`, and `reader`,
the name of the one who reads.
"""
import hashlib
import hmac
import json
import sys
import urllib.parse
import urllib.request
import uuid

ENDPOINT, SECRET, STANDING = sys.argv[1:]
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(method, path, body=None, token=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ENDPOINT + path, data, {'Content-Type': 'application/json'}, method=method)
    if token:
        request.add_header('Authorization', 'Bearer ' + token)
    return json.load(OPENER.open(request, timeout=60))


def user(role):
    """A user of the test's own, who may do nothing special: its name, and a token."""
    name, password = '%s-%s' % (role, uuid.uuid4().hex), uuid.uuid4().hex
    nonce = ask('GET', '/_synapse/admin/v1/register')['nonce']
    signed = '\0'.join([nonce, name, password, 'notadmin'])
    mac = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).hexdigest()
    wanted = {'nonce': nonce, 'username': name, 'password': password, 'admin': False, 'mac': mac}
    return name, ask('POST', '/_synapse/admin/v1/register', wanted)['access_token']


reader, reads = user('reader')
writer, writes = user('writer')
invited = [] if STANDING == 'stranger' else ['@%s:localhost' % writer]
room_id = ask('POST', '/_matrix/client/v3/createRoom', {'preset': 'private_chat', 'invite': invited}, reads)['room_id']
if STANDING == 'joined':
    ask('POST', '/_matrix/client/v3/join/' + urllib.parse.quote(room_id), {}, writes)
print(json.dumps({'room_id': room_id, 'writes': writes, 'reads': reads, 'reader': reader}))
