//! Reads a component: its core modules, how they are instantiated, and what is lifted and lowered.
//!
//! Names of imports are kept only as far as core imports need them. Types of the component model are not read.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentName, ComponentOuterAliasKind,
    ComponentTypeRef, CompositeInnerType, Data, Element, ExternalKind, FuncType, FunctionBody, Global, KnownCustom,
    MemoryType, Name, Parser, Payload, Table, TypeRef,
};

/// The four index spaces of a core module that can be imported and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    Func,
    Table,
    Memory,
    Global,
}

pub struct Component<'a> {
    pub modules: Vec<CoreModule<'a>>,
    pub instances: Vec<Instance<'a>>,
    /// The component's core items, by `Space`.
    items: [Vec<Item<'a>>; 4],
    pub lifts: Vec<Lift>,
    /// Names of core instances, such as `libc.so`, where the component tells them.
    pub instance_names: HashMap<u32, &'a str>,
}

/// A core instance: a module with its arguments, or a bundle of items under names.
pub enum Instance<'a> {
    Module { module: usize, arguments: HashMap<&'a str, u32> },
    Bundle(HashMap<&'a str, (Space, u32)>),
}

/// A core item of the component: what an instance exports, or a function of the host.
#[derive(Clone)]
pub enum Item<'a> {
    Export { instance: u32, name: &'a str },
    Host(HostFunc),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostFunc {
    pub module: String,
    pub name: String,
    /// The core function that makes room in memory for what the host answers, if it answers lists or text.
    pub realloc: Option<u32>,
}

/// An export of the component and the core functions behind it.
pub struct Lift {
    pub func: u32,
    pub memory: Option<u32>,
    pub realloc: Option<u32>,
    pub post_return: Option<u32>,
}

#[derive(Default)]
pub struct CoreModule<'a> {
    pub types: Vec<FuncType>,
    imports: [Vec<Import<'a>>; 4],
    /// Type index of each defined function.
    pub funcs: Vec<u32>,
    pub tables: Vec<Table<'a>>,
    pub memories: Vec<MemoryType>,
    pub globals: Vec<Global<'a>>,
    pub exports: HashMap<&'a str, (Space, u32)>,
    pub elements: Vec<Element<'a>>,
    pub data: Vec<Data<'a>>,
    pub bodies: Vec<FunctionBody<'a>>,
    pub has_start: bool,
    /// Names of globals, from the name section and the exports, for those that have one.
    pub global_names: HashMap<u32, &'a str>,
}

pub struct Import<'a> {
    pub module: &'a str,
    pub name: &'a str,
    pub ty: TypeRef,
}

impl<'a> Component<'a> {
    pub fn item(&self, space: Space, index: u32) -> Result<&Item<'a>> {
        self.items[space as usize]
            .get(index as usize)
            .with_context(|| format!("the component has no core {space:?} {index}"))
    }

    /// Every function of the host that the component lowers.
    pub fn host_funcs(&self) -> impl Iterator<Item = &HostFunc> {
        self.items[Space::Func as usize].iter().filter_map(|item| match item {
            Item::Host(func) => Some(func),
            Item::Export { .. } => None,
        })
    }
}

impl<'a> CoreModule<'a> {
    pub fn imports(&self, space: Space) -> &[Import<'a>] {
        &self.imports[space as usize]
    }

    /// How many items of this space are imported; the defined ones are numbered from here.
    pub fn imported(&self, space: Space) -> u32 {
        self.imports(space).len() as u32
    }

    pub fn total(&self, space: Space) -> u32 {
        let defined = match space {
            Space::Func => self.funcs.len(),
            Space::Table => self.tables.len(),
            Space::Memory => self.memories.len(),
            Space::Global => self.globals.len(),
        };
        self.imported(space) + defined as u32
    }
}

pub fn component(bytes: &[u8]) -> Result<Component<'_>> {
    let mut reader = Reader::default();
    // The parser walks into nested modules and components; those are read on their own or not at all.
    let mut nested = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { unchecked_range, .. } => {
                if nested == 0 {
                    let range = unchecked_range.start as usize..unchecked_range.end as usize;
                    reader.module_space.push(reader.modules.len());
                    reader.modules.push(core_module(&bytes[range])?);
                }
                nested += 1;
            }
            // wit-component wraps exports in nested components that only rename; lifts are read before them.
            Payload::ComponentSection { .. } => nested += 1,
            Payload::End(_) if nested > 0 => nested -= 1,
            _ if nested > 0 => {}
            payload => reader.section(payload)?,
        }
    }
    let Reader { modules, instances, items, lifts, core_instance_names: instance_names, .. } = reader;
    Ok(Component { modules, instances, items, lifts, instance_names })
}

/// The component's index spaces while they fill up.
#[derive(Default)]
struct Reader<'a> {
    modules: Vec<CoreModule<'a>>,
    module_space: Vec<usize>,
    instances: Vec<Instance<'a>>,
    items: [Vec<Item<'a>>; 4],
    lifts: Vec<Lift>,
    core_instance_names: HashMap<u32, &'a str>,
    /// Component-level spaces, by the names that core imports get from them.
    instance_names: Vec<String>,
    func_names: Vec<(String, String)>,
    type_names: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    fn section(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    let name = import.name.name.to_string();
                    match import.ty {
                        ComponentTypeRef::Instance(_) => self.instance_names.push(name),
                        ComponentTypeRef::Func(_) => self.func_names.push(("$root".into(), name)),
                        ComponentTypeRef::Type(_) => self.type_names.push(("$root".into(), name)),
                        other => bail!("import {name} is a {other:?}"),
                    }
                }
            }
            Payload::ComponentTypeSection(section) => {
                self.type_names.extend(section.into_iter().map(|_| Default::default()));
            }
            Payload::ComponentInstanceSection(section) => {
                self.instance_names.extend(section.into_iter().map(|_| String::new()));
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(alias?)?;
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.instance(instance?)?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    self.canonical(function?)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    match export.kind {
                        ComponentExternalKind::Func => self.func_names.push(Default::default()),
                        ComponentExternalKind::Instance => self.instance_names.push(String::new()),
                        ComponentExternalKind::Type => self.type_names.push(Default::default()),
                        other => bail!("export {} is a {other:?}", export.name.name),
                    }
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::ComponentName(names) = section.as_known() {
                    for name in names {
                        if let ComponentName::CoreInstances(instances) = name? {
                            for instance in instances {
                                let instance = instance?;
                                self.core_instance_names.insert(instance.index, instance.name);
                            }
                        }
                    }
                }
            }
            Payload::Version { .. } | Payload::End(_) => {}
            other => bail!("unknown section {other:?}"),
        }
        Ok(())
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<()> {
        match alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                let path = (self.instance_names[instance_index as usize].clone(), name.to_string());
                match kind {
                    ComponentExternalKind::Func => self.func_names.push(path),
                    ComponentExternalKind::Type => self.type_names.push(path),
                    other => bail!("alias of {name}, a {other:?}"),
                }
            }
            ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
                self.items[space(kind)? as usize].push(Item::Export { instance: instance_index, name });
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, .. } => {
                self.type_names.push(Default::default());
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count: 0, index } => {
                self.module_space.push(self.module_space[index as usize]);
            }
            other => bail!("unknown alias {other:?}"),
        }
        Ok(())
    }

    fn instance(&mut self, instance: wasmparser::Instance<'a>) -> Result<()> {
        self.instances.push(match instance {
            wasmparser::Instance::Instantiate { module_index, args } => Instance::Module {
                module: self.module_space[module_index as usize],
                arguments: args.iter().map(|argument| (argument.name, argument.index)).collect(),
            },
            wasmparser::Instance::FromExports(exports) => Instance::Bundle(
                exports
                    .iter()
                    .map(|export| Ok((export.name, (space(export.kind)?, export.index))))
                    .collect::<Result<_>>()?,
            ),
        });
        Ok(())
    }

    fn canonical(&mut self, function: CanonicalFunction) -> Result<()> {
        let host = match function {
            CanonicalFunction::Lift { core_func_index, options, .. } => {
                let mut lift = Lift { func: core_func_index, memory: None, realloc: None, post_return: None };
                for option in options {
                    match option {
                        CanonicalOption::Memory(index) => lift.memory = Some(index),
                        CanonicalOption::Realloc(index) => lift.realloc = Some(index),
                        CanonicalOption::PostReturn(index) => lift.post_return = Some(index),
                        CanonicalOption::UTF8 => {}
                        other => bail!("a lift has the option {other:?}"),
                    }
                }
                self.lifts.push(lift);
                self.func_names.push(Default::default());
                return Ok(());
            }
            CanonicalFunction::Lower { func_index, options } => {
                let mut realloc = None;
                for option in options {
                    match option {
                        CanonicalOption::Realloc(index) => realloc = Some(index),
                        CanonicalOption::Memory(_) | CanonicalOption::UTF8 => {}
                        other => bail!("a lowering has the option {other:?}"),
                    }
                }
                let (module, name) = self.func_names[func_index as usize].clone();
                HostFunc { module, name, realloc }
            }
            CanonicalFunction::ResourceDrop { resource } => {
                let (module, name) = self.type_names[resource as usize].clone();
                HostFunc { module, name: format!("[resource-drop]{name}"), realloc: None }
            }
            other => bail!("unknown canonical function {other:?}"),
        };
        if host.module.is_empty() {
            bail!("a core function is lowered from something that is not an import");
        }
        self.items[Space::Func as usize].push(Item::Host(host));
        Ok(())
    }
}

fn core_module(bytes: &[u8]) -> Result<CoreModule<'_>> {
    let mut module = CoreModule::default();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group?.into_types() {
                        let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                            bail!("a type is not a function type");
                        };
                        module.types.push(ty);
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let space = match import.ty {
                        TypeRef::Func(_) => Space::Func,
                        TypeRef::Table(_) => Space::Table,
                        TypeRef::Memory(_) => Space::Memory,
                        TypeRef::Global(_) => Space::Global,
                        other => bail!("import {} is a {other:?}", import.name),
                    };
                    module.imports[space as usize].push(Import {
                        module: import.module,
                        name: import.name,
                        ty: import.ty,
                    });
                }
            }
            Payload::FunctionSection(section) => module.funcs = section.into_iter().collect::<Result<_, _>>()?,
            Payload::TableSection(section) => module.tables = section.into_iter().collect::<Result<_, _>>()?,
            Payload::MemorySection(section) => module.memories = section.into_iter().collect::<Result<_, _>>()?,
            Payload::GlobalSection(section) => module.globals = section.into_iter().collect::<Result<_, _>>()?,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let space = space(export.kind)?;
                    module.exports.insert(export.name, (space, export.index));
                    if space == Space::Global {
                        module.global_names.insert(export.index, export.name);
                    }
                }
            }
            Payload::ElementSection(section) => module.elements = section.into_iter().collect::<Result<_, _>>()?,
            Payload::DataSection(section) => module.data = section.into_iter().collect::<Result<_, _>>()?,
            Payload::CodeSectionEntry(body) => module.bodies.push(body),
            Payload::StartSection { .. } => module.has_start = true,
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names {
                        if let Name::Global(globals) = name? {
                            for global in globals {
                                let global = global?;
                                module.global_names.entry(global.index).or_insert(global.name);
                            }
                        }
                    }
                }
            }
            Payload::Version { .. }
            | Payload::DataCountSection { .. }
            | Payload::CodeSectionStart { .. }
            | Payload::End(_) => {}
            other => bail!("unknown section in a core module: {other:?}"),
        }
    }
    Ok(module)
}

fn space(kind: ExternalKind) -> Result<Space> {
    Ok(match kind {
        ExternalKind::Func | ExternalKind::FuncExact => Space::Func,
        ExternalKind::Table => Space::Table,
        ExternalKind::Memory => Space::Memory,
        ExternalKind::Global => Space::Global,
        ExternalKind::Tag => bail!("tags are not known here"),
    })
}
