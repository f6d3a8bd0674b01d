//! `flatten merge IN.component.wasm OUT.wasm`: one component in, one core module out, checked.
//! `flatten check MODULE.wasm`: whether a module, say one that an optimiser rewrote, is still what the host relies on. Both
//! write the module's contract to stdout.
//!
//! componentize-py links CPython as a dozen dynamic libraries; instantiating them costs a fresh run most of its time.
//! Everything that linking decides is already known when the component is built, so it can be done once, here.
//! What comes out needs no linker, no start function and no component model: one memory, one table, plain imports.
//!
//! The tool knows the layout that componentize-py 0.25 and wit-component produce, and nothing else. It stops with a
//! message at whatever it does not know; a wrong guess would be a corrupt interpreter.

mod emit;
mod parse;
mod reach;
mod resolve;
mod verify;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let module = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["merge", input, output] => {
            let module = flatten(&read(input)?)?;
            std::fs::write(output, &module).with_context(|| format!("writing {output}"))?;
            module
        }
        ["check", module] => read(module)?,
        _ => bail!("usage: flatten merge IN.component.wasm OUT.wasm, or flatten check MODULE.wasm"),
    };
    print!("{}", verify::verify(&module).context("the flattened module is not what the host relies on")?);
    Ok(())
}

fn read(path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {path}"))
}

fn flatten(component: &[u8]) -> Result<Vec<u8>> {
    let component = parse::component(component).context("reading the component")?;
    let graph = resolve::Graph::new(&component).context("resolving its imports")?;
    let needed = reach::functions(&graph).context("following its calls")?;
    emit::module(&graph, &needed).context("writing the merged module")
}

#[cfg(test)]
mod tests;
