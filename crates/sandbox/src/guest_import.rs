//! One import of the interpreter's module: what the host must define, by name.

use wasmtime::{Error, ImportType};

use crate::stop::Stop;

/// One import of the module. Where the host must allocate in the guest, the artefact's name for it is `function#allocator`.
pub(crate) struct GuestImport<'a> {
    pub(crate) module: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> GuestImport<'a> {
    pub(crate) fn of(import: &ImportType<'a>) -> GuestImport<'a> {
        GuestImport { module: import.module(), name: import.name() }
    }

    /// The interface without its version.
    pub(crate) fn interface(&self) -> &'a str {
        self.module.split_once('@').map_or(self.module, |(interface, _)| interface)
    }

    pub(crate) fn function(&self) -> &'a str {
        self.name.split_once('#').map_or(self.name, |(function, _)| function)
    }

    /// The export to allocate with.
    pub(crate) fn realloc(&self) -> Result<String, Error> {
        let name = self.name.split_once('#').map(|(_, realloc)| realloc.to_owned());
        name.ok_or_else(|| Stop::Refused("an import that returns a list names no allocator").into())
    }
}
