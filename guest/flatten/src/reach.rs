//! Which functions can still be called once the module is whole.
//!
//! Dynamic libraries must keep whatever they export. In the merged module only three things count: what the host
//! calls, what stands in the table, and what these call. The rest, and the host imports only it used, are left out.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use wasmparser::{ElementItems, Operator};

use crate::parse::{Item, Space};
use crate::resolve::{Graph, Target};

/// The host's and the modules' own functions that are needed.
pub fn functions(graph: &Graph) -> Result<HashSet<Target>> {
    let mut needed = HashSet::new();
    let mut waiting = roots(graph)?;
    while let Some(target) = waiting.pop() {
        if !needed.insert(target.clone()) {
            continue;
        }
        let Target::Defined(instance, function) = target else { continue };
        if !graph.runs(instance) {
            bail!("function {function} of instance {instance} is needed, but was to run only at build time");
        }
        let module = graph.module(instance)?;
        let defined = (function - module.imported(Space::Func)) as usize;
        let body = module.bodies.get(defined).context("a function has no body")?;
        let mut seen = HashSet::new();
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Call { function_index } | Operator::RefFunc { function_index } => {
                    if seen.insert(function_index) {
                        waiting.push(graph.local(instance, Space::Func, function_index)?);
                    }
                }
                Operator::ReturnCall { .. } => bail!("tail calls are not known here"),
                _ => {}
            }
        }
    }
    Ok(needed)
}

fn roots(graph: &Graph) -> Result<Vec<Target>> {
    let mut roots = Vec::new();
    for function in exported(graph)? {
        roots.push(graph.item(Space::Func, function)?);
    }
    for &instance in &graph.live {
        for element in &graph.module(instance)?.elements {
            let ElementItems::Functions(functions) = &element.items else {
                bail!("an element segment of instance {instance} is not a list of functions");
            };
            for function in functions.clone() {
                roots.push(graph.local(instance, Space::Func, function?)?);
            }
        }
    }
    Ok(roots)
}

/// componentize-py's own export, which ran when the component was built. The host never calls it.
const BUILD_TIME_EXPORT: &str = "exports#init";

/// The core functions that the host calls: exports, their clean-up, and what makes room in memory.
pub fn exported(graph: &Graph) -> Result<Vec<u32>> {
    let mut functions = Vec::new();
    for lift in &graph.component.lifts {
        if export_name(graph, lift.func)? == BUILD_TIME_EXPORT {
            continue;
        }
        functions.push(lift.func);
        functions.extend(lift.realloc);
        functions.extend(lift.post_return);
    }
    functions.extend(graph.component.host_funcs().filter_map(|func| func.realloc));
    Ok(functions)
}

/// The name by which the host knows a core function.
///
/// Every library has its own `cabi_realloc`, and memory must come from the one whose library will free it (or never
/// does), so these are told apart by the library: `cabi_realloc_libc`, `cabi_realloc_bindings`.
pub fn export_name(graph: &Graph, function: u32) -> Result<String> {
    match graph.component.item(Space::Func, function)? {
        Item::Export { instance, name: "cabi_realloc" } => {
            let library = graph.component.instance_names.get(instance);
            let library = library.with_context(|| format!("instance {instance} has no name"))?;
            let short = library.trim_start_matches("libcomponentize_py_").trim_end_matches(".so");
            Ok(format!("cabi_realloc_{short}"))
        }
        Item::Export { name, .. } => Ok(name.to_string()),
        Item::Host(func) => bail!("the host's own function {} is exported", func.name),
    }
}
