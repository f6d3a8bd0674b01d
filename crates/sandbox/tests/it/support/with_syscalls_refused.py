"""Runs a program whose system calls of some kinds are refused, as a container's filter or an old kernel refuses them.

with_syscalls_refused.py NAME[:ARGUMENT:VALUE]=ERROR... -- PROGRAM ARGUMENTS

With an argument, counted from 0, only those calls are refused whose argument has this (hexadecimal) value.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {
    'x86_64': {'userfaultfd': 323, 'ioctl': 16, 'pread64': 17},
    'aarch64': {'userfaultfd': 282, 'ioctl': 29, 'pread64': 67},
}[platform.machine()]
# Of <linux/filter.h>: load a word, jump if equal, answer.
LOAD, EQUAL, ANSWER = 0x20, 0x15, 0x06
# Of <linux/seccomp.h>: where the call's number and its arguments stand, and the answers.
NUMBER_AT, ARGUMENTS_AT = 0, 16
REFUSED, ALLOWED = 0x0005_0000, 0x7FFF_0000
SET_NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2


def instructions(rule):
    call, _, error = rule.partition('=')
    name, *at_and_value = call.split(':')
    answer = [(ANSWER, 0, 0, REFUSED | getattr(errno, error))]
    if at_and_value:
        at, value = at_and_value
        answer = [(LOAD, 0, 0, ARGUMENTS_AT + 8 * int(at)), (EQUAL, 0, 1, int(value, 16)), *answer]
    return [(LOAD, 0, 0, NUMBER_AT), (EQUAL, 0, len(answer), NUMBERS[name]), *answer]


split = sys.argv.index('--')
rules, program = sys.argv[1:split], sys.argv[split + 1:]
code = [step for rule in rules for step in instructions(rule)] + [(ANSWER, 0, 0, ALLOWED)]
steps = ctypes.create_string_buffer(b''.join(struct.pack('=HBBI', *step) for step in code))


class Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('steps', ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
filter_program = Program(len(code), ctypes.addressof(steps))
for option, first, second in [
    (SET_NO_NEW_PRIVS, 1, None),
    (SET_SECCOMP, FILTER, ctypes.addressof(filter_program)),
]:
    if libc.prctl(option, first, second, 0, 0):
        raise OSError(ctypes.get_errno(), 'prctl')
os.execv(program[0], program)
