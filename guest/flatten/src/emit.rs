//! Writes the merged module: host imports first, then what each instance defines, in the order of instantiation.
//!
//! Constant globals become constants in the code, so segment offsets are plain numbers and the table can be filled
//! lazily. The globals that change are exported, for the host to set back; so are memory and functions, by name.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, anyhow, bail};
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    FunctionSection, GlobalSection, ImportSection, Instruction, MemorySection, Module, TableSection, TypeSection,
};
use wasmparser::{DataKind, ElementItems, ElementKind, FuncType, Operator, TableInit, TypeRef};

use crate::parse::{HostFunc, Space};
use crate::reach::{export_name, exported};
use crate::resolve::{Graph, Target};

pub fn module(graph: &Graph, needed: &HashSet<Target>) -> Result<Vec<u8>> {
    let mut types = Types::default();
    let imports = host_imports(graph, needed, &mut types)?;
    let layout = Layout::new(graph, needed, &imports)?;

    let mut sections = Sections::default();
    for ((module, name), (_, ty)) in &imports {
        sections.imports.import(module, name, EntityType::Function(*ty));
    }
    for &instance in &graph.live {
        let mut renumber = Renumber { graph, layout: &layout, types: &mut types, instance };
        sections.instance(&mut renumber, needed).with_context(|| format!("instance {instance}"))?;
    }
    sections.exports(graph, &layout)?;

    let mut module = Module::new();
    module
        .section(&types.section()?)
        .section(&sections.imports)
        .section(&sections.functions)
        .section(&sections.tables)
        .section(&sections.memories)
        .section(&sections.globals)
        .section(&sections.exports)
        .section(&sections.elements)
        .section(&sections.code)
        .section(&sections.data);
    Ok(module.finish())
}

/// The imports by module and name, each with its index and type.
type Imports = BTreeMap<(String, String), (u32, u32)>;

fn host_imports(graph: &Graph, needed: &HashSet<Target>, types: &mut Types) -> Result<Imports> {
    let mut imports = Imports::new();
    for &instance in &graph.live {
        let module = graph.module(instance)?;
        for (index, import) in module.imports(Space::Func).iter().enumerate() {
            let target = graph.local(instance, Space::Func, index as u32)?;
            let (Target::Host(func), TypeRef::Func(ty)) = (&target, import.ty) else { continue };
            if !needed.contains(&target) {
                continue;
            }
            let key = import_name(graph, func)?;
            let ty = types.index(&module.types[ty as usize]);
            if imports.insert(key, (0, ty)).is_some_and(|(_, other)| other != ty) {
                bail!("{} {} is imported twice with different signatures", func.module, func.name);
            }
        }
    }
    for (index, entry) in imports.values_mut().enumerate() {
        entry.0 = index as u32;
    }
    Ok(imports)
}

/// A function that answers lists or text says in its name which export makes room for them: `poll#cabi_realloc_libc`.
/// The two reallocs are not interchangeable: the caller frees what it got, or never does.
fn import_name(graph: &Graph, func: &HostFunc) -> Result<(String, String)> {
    let name = match func.realloc {
        Some(realloc) => format!("{}#{}", func.name, export_name(graph, realloc)?),
        None => func.name.clone(),
    };
    Ok((func.module.clone(), name))
}

/// Function types without repetition.
#[derive(Default)]
struct Types {
    list: Vec<FuncType>,
    index: HashMap<FuncType, u32>,
}

impl Types {
    fn index(&mut self, ty: &FuncType) -> u32 {
        *self.index.entry(ty.clone()).or_insert_with(|| {
            self.list.push(ty.clone());
            self.list.len() as u32 - 1
        })
    }

    fn section(self) -> Result<TypeSection> {
        let mut section = TypeSection::new();
        for ty in self.list {
            section.ty().func_type(&reencode::RoundtripReencoder.func_type(ty)?);
        }
        Ok(section)
    }
}

/// The new index of everything that is kept.
struct Layout {
    index: [HashMap<Target, u32>; 4],
}

impl Layout {
    fn new(graph: &Graph, needed: &HashSet<Target>, imports: &Imports) -> Result<Self> {
        let mut index: [HashMap<Target, u32>; 4] = Default::default();
        for target in needed {
            if let Target::Host(func) = target {
                let key = import_name(graph, func)?;
                let (new, _) = imports.get(&key).with_context(|| format!("{} is used but not imported", func.name))?;
                index[Space::Func as usize].insert(target.clone(), *new);
            }
        }
        let mut next = [imports.len() as u32, 0, 0, 0];
        for &instance in &graph.live {
            let module = graph.module(instance)?;
            for space in [Space::Func, Space::Table, Space::Memory, Space::Global] {
                for local in module.imported(space)..module.total(space) {
                    let target = Target::Defined(instance, local);
                    let kept = match space {
                        Space::Func => needed.contains(&target),
                        Space::Global => graph.is_mutated(instance, local),
                        Space::Table | Space::Memory => true,
                    };
                    if kept {
                        index[space as usize].insert(target, next[space as usize]);
                        next[space as usize] += 1;
                    }
                }
            }
        }
        Ok(Layout { index })
    }

    fn new_index(&self, space: Space, target: &Target) -> Result<u32> {
        let found = self.index[space as usize].get(target);
        found.copied().with_context(|| format!("the {space:?} {target:?} is used but not kept"))
    }
}

/// Rewrites one instance's indices.
struct Renumber<'x, 'a> {
    graph: &'x Graph<'a>,
    layout: &'x Layout,
    types: &'x mut Types,
    instance: u32,
}

impl Renumber<'_, '_> {
    fn local(&self, space: Space, index: u32) -> Result<u32> {
        let target = self.graph.local(self.instance, space, index)?;
        self.layout.new_index(space, &target)
    }

    fn renumbered(&self, space: Space, index: u32) -> Result<u32, reencode::Error<anyhow::Error>> {
        self.local(space, index).map_err(reencode::Error::UserError)
    }
}

impl Reencode for Renumber<'_, '_> {
    type Error = anyhow::Error;

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error<Self::Error>> {
        let module = self.graph.module(self.instance).map_err(reencode::Error::UserError)?;
        Ok(self.types.index(&module.types[index as usize]))
    }

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<Self::Error>> {
        self.renumbered(Space::Func, index)
    }

    fn table_index(&mut self, index: u32) -> Result<u32, reencode::Error<Self::Error>> {
        self.renumbered(Space::Table, index)
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, reencode::Error<Self::Error>> {
        self.renumbered(Space::Memory, index)
    }

    fn global_index(&mut self, index: u32) -> Result<u32, reencode::Error<Self::Error>> {
        self.renumbered(Space::Global, index)
    }

    fn instruction<'b>(&mut self, operator: Operator<'b>) -> Result<Instruction<'b>, reencode::Error<Self::Error>> {
        if let Operator::GlobalGet { global_index } = operator {
            let constant = self.graph.constant(self.instance, global_index).map_err(reencode::Error::UserError)?;
            if let Some(value) = constant {
                return Ok(Instruction::I32Const(value));
            }
        }
        utils::instruction(self, operator)
    }
}

#[derive(Default)]
struct Sections {
    imports: ImportSection,
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    globals: GlobalSection,
    exports: ExportSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
}

impl Sections {
    fn instance(&mut self, renumber: &mut Renumber, needed: &HashSet<Target>) -> Result<()> {
        let (graph, instance) = (renumber.graph, renumber.instance);
        let module = graph.module(instance)?;
        for (defined, (ty, body)) in module.funcs.iter().zip(&module.bodies).enumerate() {
            let local = module.imported(Space::Func) + defined as u32;
            if needed.contains(&Target::Defined(instance, local)) {
                self.functions.function(renumber.types.index(&module.types[*ty as usize]));
                renumber.parse_function_body(&mut self.code, body.clone()).map_err(plain)?;
            }
        }
        for table in &module.tables {
            let TableInit::RefNull = table.init else { bail!("a table has an initial value") };
            let mut ty = renumber.table_type(table.ty).map_err(plain)?;
            // Nothing grows it (verified at the end), and a fixed table is cheaper to check.
            ty.maximum = Some(ty.minimum);
            self.tables.table(ty);
        }
        for memory in &module.memories {
            self.memories.memory(renumber.memory_type(*memory).map_err(plain)?);
        }
        for (defined, global) in module.globals.iter().enumerate() {
            let local = module.imported(Space::Global) + defined as u32;
            if graph.is_mutated(instance, local) {
                let value = ConstExpr::i32_const(graph.initial(instance, local)?);
                self.globals.global(renumber.global_type(global.ty).map_err(plain)?, &value);
            }
        }
        self.segments(renumber)
    }

    fn segments(&mut self, renumber: &mut Renumber) -> Result<()> {
        let (graph, instance) = (renumber.graph, renumber.instance);
        let module = graph.module(instance)?;
        for element in &module.elements {
            let ElementKind::Active { table_index, offset_expr } = &element.kind else {
                bail!("an element segment is not active");
            };
            let ElementItems::Functions(functions) = &element.items else {
                bail!("an element segment is not a list of functions");
            };
            let functions: Vec<u32> = functions
                .clone()
                .into_iter()
                .map(|function| renumber.local(Space::Func, function?))
                .collect::<Result<_>>()?;
            let table = renumber.local(Space::Table, table_index.unwrap_or(0))?;
            let offset = ConstExpr::i32_const(graph.evaluate(instance, offset_expr)?);
            let table = if table == 0 { None } else { Some(table) };
            self.elements.active(table, &offset, Elements::Functions(functions.into()));
        }
        for data in &module.data {
            let DataKind::Active { memory_index, offset_expr } = &data.kind else {
                bail!("a data segment is not active");
            };
            let memory = renumber.local(Space::Memory, *memory_index)?;
            let offset = ConstExpr::i32_const(graph.evaluate(instance, offset_expr)?);
            self.data.active(memory, &offset, data.data.iter().copied());
        }
        Ok(())
    }

    fn exports(&mut self, graph: &Graph, layout: &Layout) -> Result<()> {
        let mut exported_as: BTreeMap<String, u32> = BTreeMap::new();
        for function in exported(graph)? {
            let name = export_name(graph, function)?;
            let index = layout.new_index(Space::Func, &graph.item(Space::Func, function)?)?;
            if exported_as.insert(name.clone(), index).is_some_and(|other| other != index) {
                bail!("two different functions would be exported as {name}");
            }
        }
        for (name, index) in exported_as {
            self.exports.export(&name, ExportKind::Func, index);
        }
        let memory = graph.component.lifts.iter().find_map(|lift| lift.memory).context("no export uses memory")?;
        let memory = layout.new_index(Space::Memory, &graph.item(Space::Memory, memory)?)?;
        self.exports.export("memory", ExportKind::Memory, memory);
        for (index, name) in global_names(graph, layout)?.iter().enumerate() {
            self.exports.export(name, ExportKind::Global, index as u32);
        }
        Ok(())
    }
}

/// The encoder wraps our own errors, and its wrapper is not one that anyhow takes.
fn plain(error: reencode::Error<anyhow::Error>) -> anyhow::Error {
    match error {
        reencode::Error::UserError(error) => error,
        other => anyhow!("{other}"),
    }
}

/// `global:0:__stack_pointer` and so on, in the order of the globals.
fn global_names(graph: &Graph, layout: &Layout) -> Result<Vec<String>> {
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    for &instance in &graph.live {
        let module = graph.module(instance)?;
        for local in module.imported(Space::Global)..module.total(Space::Global) {
            if graph.is_mutated(instance, local) {
                let index = layout.new_index(Space::Global, &Target::Defined(instance, local))?;
                let name = module.global_names.get(&local).copied().unwrap_or("unnamed");
                names.insert(index, format!("global:{index}:{name}"));
            }
        }
    }
    Ok(names.into_values().collect())
}
