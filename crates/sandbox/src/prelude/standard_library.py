"""What this CPython's standard library lacks, or cannot do with one thread alone, made to mean what it says.

Whatever cannot be mended so is named in docs/MONITORS.md.
"""

import hashlib
import hmac
import queue
import threading
from time import sleep


def pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None):
    """The key derivation of PKCS #5, which comes with OpenSSL elsewhere. Takes a second for every few hundred thousand iterations."""
    keyed = hmac.new(memoryview(password).tobytes(), None, hash_name)
    salt = memoryview(salt).tobytes()
    dklen = keyed.digest_size if dklen is None else dklen
    if iterations < 1:
        raise ValueError('iteration value must be greater than 0.')
    if dklen < 1:
        raise ValueError('key length must be greater than 0.')
    derived = b''
    while len(derived) < dklen:
        last = mac(keyed, salt + (len(derived) // keyed.digest_size + 1).to_bytes(4))
        mixed = int.from_bytes(last)
        for _ in range(iterations - 1):
            last = mac(keyed, last)
            mixed ^= int.from_bytes(last)
        derived += mixed.to_bytes(keyed.digest_size)
    return derived[:dklen]


def mac(keyed, message):
    code = keyed.copy()
    code.update(message)
    return code.digest()


def wait(self, timeout=None):
    """Waits until the time is over: with one thread alone nobody can notify. Events, semaphores and queues end here."""
    if not self._is_owned():
        raise RuntimeError('cannot wait on un-acquired lock')
    if timeout is None:
        raise RuntimeError('nothing can end this wait: a monitor has one thread; give it a timeout')
    if timeout > 0:
        sleep(timeout)
    return False


hashlib.pbkdf2_hmac = pbkdf2_hmac
hashlib.__all__ += ('pbkdf2_hmac',)
threading.Condition.wait = wait
# The one in C knows no other way to wait than not at all.
queue.SimpleQueue = queue._PySimpleQueue
