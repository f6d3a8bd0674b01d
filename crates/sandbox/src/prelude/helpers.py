"""Imports of `.py` files that the host reads for the script; the host decides which folders, and what a name may be."""

import linecache
import sys
from importlib.machinery import ModuleSpec

from revere_codec import decode, encode
from revere_host import host_call


class Finder:
    """Asks the host for modules that nothing else has."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        # A package of the standard library has no parts outside the image; only our own packages have.
        if path is not None and OUR_MARK not in path:
            return None
        fault, found = decode(host_call(encode(('import', name))))
        if fault is not None:
            raise ImportError(found, name=name)
        if found is None:
            return None
        filename, source, is_package = found['file'], found['source'], found['package']
        spec = ModuleSpec(name, Loader(filename, source), origin=filename, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations.append(OUR_MARK)
        return spec


class Loader:
    """Executes one helper, and lets tracebacks show its lines."""

    def __init__(self, filename, source):
        self.filename = filename
        self.source = source

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        linecache.cache[self.filename] = (len(self.source), None, self.source.splitlines(True), self.filename)
        exec(compile(self.source, self.filename, 'exec', dont_inherit=True), module.__dict__)

    def get_source(self, name):
        return self.source


OUR_MARK = '<helpers>'


def install():
    sys.meta_path.append(Finder)
