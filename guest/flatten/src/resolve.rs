//! Follows every import to what defines it, and decides which globals are constants.
//!
//! wit-component breaks the circle between memory and lowered functions with two modules: a *shim* whose functions
//! only jump through a table, and a *fixup* that fills this table once everything is instantiated. Here the circle
//! does not exist, so a call to the shim is resolved to what the fixup would have put into the table.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use wasmparser::{ConstExpr, Operator};

use crate::parse::{Component, CoreModule, HostFunc, Instance, Item, Space};

/// Where an item really is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Host(HostFunc),
    /// Defined by this core instance, under this index of its module.
    Defined(u32, u32),
}

pub struct Graph<'a> {
    pub component: &'a Component<'a>,
    /// The module instances that end up in the merged module, in the order of instantiation.
    pub live: Vec<u32>,
    /// Live instances whose code never runs again; only their segments count.
    dead_code: HashSet<u32>,
    /// Globals that some live code sets. All others are constants.
    mutated: HashSet<(u32, u32)>,
    shim: u32,
    /// The bundle that the fixup gets, with the shim's own names for what each of its functions stands for.
    fixup_arguments: u32,
}

impl<'a> Graph<'a> {
    pub fn new(component: &'a Component<'a>) -> Result<Self> {
        let (fixup, fixup_arguments) = find_fixup(component)?;
        let shim = find_shim(component, fixup_arguments)?;
        let mut graph = Graph {
            component,
            live: Vec::new(),
            dead_code: HashSet::new(),
            mutated: HashSet::new(),
            shim,
            fixup_arguments,
        };
        for (index, instance) in component.instances.iter().enumerate() {
            let index = index as u32;
            let Instance::Module { module, .. } = instance else { continue };
            if index == shim || index == fixup {
                continue;
            }
            let module = &component.modules[*module];
            if module.has_start {
                bail!("instance {index} has a start function: the component is not pre-initialised");
            }
            // This is componentize-py's `__init`: it exported nothing and ran when the component was built.
            if module.exports.is_empty() {
                graph.dead_code.insert(index);
            }
            graph.live.push(index);
        }
        graph.mutated = graph.find_mutated()?;
        Ok(graph)
    }

    pub fn module(&self, instance: u32) -> Result<&'a CoreModule<'a>> {
        match &self.component.instances[instance as usize] {
            Instance::Module { module, .. } => Ok(&self.component.modules[*module]),
            Instance::Bundle(_) => bail!("instance {instance} is not an instance of a module"),
        }
    }

    pub fn runs(&self, instance: u32) -> bool {
        !self.dead_code.contains(&instance)
    }

    pub fn is_mutated(&self, instance: u32, global: u32) -> bool {
        self.mutated.contains(&(instance, global))
    }

    /// Resolves a core item of the component itself, such as the function behind an export.
    pub fn item(&self, space: Space, index: u32) -> Result<Target> {
        match self.component.item(space, index)? {
            Item::Host(func) => Ok(Target::Host(func.clone())),
            Item::Export { instance, name } => self.export(*instance, name, space),
        }
    }

    /// Resolves an index of an instance's module, which may be an import.
    pub fn local(&self, instance: u32, space: Space, index: u32) -> Result<Target> {
        let module = self.module(instance)?;
        let Some(import) = module.imports(space).get(index as usize) else {
            if instance == self.shim {
                bail!("something other than a function of the shim is used: {space:?} {index}");
            }
            return Ok(Target::Defined(instance, index));
        };
        let Instance::Module { arguments, .. } = &self.component.instances[instance as usize] else {
            bail!("instance {instance} has no arguments");
        };
        let argument = arguments.get(import.module).with_context(|| format!("no instance for {}", import.module))?;
        self.export(*argument, import.name, space)
            .with_context(|| format!("import {}.{} of instance {instance}", import.module, import.name))
    }

    fn export(&self, instance: u32, name: &str, space: Space) -> Result<Target> {
        let through_shim = instance == self.shim && space == Space::Func;
        let instance = if through_shim { self.fixup_arguments } else { instance };
        match &self.component.instances[instance as usize] {
            Instance::Bundle(items) => {
                let (found, index) = items.get(name).with_context(|| format!("no {name} in bundle {instance}"))?;
                same_space(*found, space, name)?;
                self.item(space, *index)
            }
            Instance::Module { module, .. } => {
                let (found, index) = self.component.modules[*module]
                    .exports
                    .get(name)
                    .with_context(|| format!("no export {name} in instance {instance}"))?;
                same_space(*found, space, name)?;
                self.local(instance, space, *index)
            }
        }
    }

    /// The value of a global, as its module sees it, if nothing ever changes it.
    pub fn constant(&self, instance: u32, global: u32) -> Result<Option<i32>> {
        match self.local(instance, Space::Global, global)? {
            Target::Host(func) => bail!("the host would have to provide the global {}", func.name),
            Target::Defined(instance, global) if self.is_mutated(instance, global) => Ok(None),
            Target::Defined(instance, global) => self.initial(instance, global).map(Some),
        }
    }

    /// The value a defined global starts with.
    pub fn initial(&self, instance: u32, global: u32) -> Result<i32> {
        let module = self.module(instance)?;
        let defined = global - module.imported(Space::Global);
        self.evaluate(instance, &module.globals[defined as usize].init_expr)
    }

    /// A constant expression's value. Offsets and addresses are sums of 32-bit constants here.
    pub fn evaluate(&self, instance: u32, expression: &ConstExpr) -> Result<i32> {
        let mut stack = Vec::new();
        for operator in expression.get_operators_reader() {
            match operator? {
                Operator::I32Const { value } => stack.push(value),
                Operator::GlobalGet { global_index } => {
                    let value = self.constant(instance, global_index)?;
                    stack.push(value.context("a constant expression reads a global that changes")?);
                }
                Operator::I32Add => {
                    let (Some(right), Some(left)) = (stack.pop(), stack.pop()) else { bail!("nothing to add") };
                    stack.push(i32::wrapping_add(left, right));
                }
                Operator::End => {}
                other => bail!("unknown operator in a constant expression: {other:?}"),
            }
        }
        let [value] = stack.as_slice() else { bail!("a constant expression leaves {} values", stack.len()) };
        Ok(*value)
    }

    fn find_mutated(&self) -> Result<HashSet<(u32, u32)>> {
        let mut mutated = HashSet::new();
        for &instance in self.live.iter().filter(|instance| self.runs(**instance)) {
            let mut seen = HashSet::new();
            for body in &self.module(instance)?.bodies {
                for operator in body.get_operators_reader()? {
                    if let Operator::GlobalSet { global_index } = operator?
                        && seen.insert(global_index)
                    {
                        match self.local(instance, Space::Global, global_index)? {
                            Target::Defined(owner, global) => mutated.insert((owner, global)),
                            Target::Host(func) => bail!("code sets the host's global {}", func.name),
                        };
                    }
                }
            }
        }
        Ok(mutated)
    }
}

/// The fixup is the one module instance whose single argument has an empty name.
fn find_fixup(component: &Component) -> Result<(u32, u32)> {
    let mut found = None;
    for (index, instance) in component.instances.iter().enumerate() {
        if let Instance::Module { arguments, .. } = instance
            && arguments.len() == 1
            && let Some(bundle) = arguments.get("")
            && found.replace((index as u32, *bundle)).is_some()
        {
            bail!("two instances look like wit-component's fixup");
        }
    }
    found.context("no instance looks like wit-component's fixup")
}

/// The shim owns the table that the fixup fills.
fn find_shim(component: &Component, fixup_arguments: u32) -> Result<u32> {
    let Instance::Bundle(items) = &component.instances[fixup_arguments as usize] else {
        bail!("the fixup's argument is not a bundle");
    };
    let (_, table) = items.get("$imports").context("the fixup gets no $imports")?;
    match component.item(Space::Table, *table)? {
        Item::Export { instance, .. } => Ok(*instance),
        Item::Host(_) => bail!("the fixup's table comes from the host"),
    }
}

fn same_space(found: Space, wanted: Space, name: &str) -> Result<()> {
    if found != wanted {
        bail!("{name} is a {found:?}, not a {wanted:?}");
    }
    Ok(())
}
