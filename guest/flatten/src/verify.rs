//! Checks a flattened module for what the host relies on, and describes its imports and exports.
//!
//! This looks only at the bytes that were written and trusts nothing that was known before. The host resets an
//! instance by copying memory and exported globals back, so there must be no other state: no table that changes, no
//! segment that is dropped, no global that is hidden.

use std::fmt::Write;

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{
    ConstExpr, DataKind, ElementKind, ExternalKind, FuncType, Operator, Parser, Payload, TypeRef, Validator,
    WasmFeatures,
};

/// What the host must at least find, as functions.
const REQUIRED: [&str; 6] =
    ["cabi_post_load", "cabi_post_run", "cabi_realloc_bindings", "cabi_realloc_libc", "load", "run"];

/// What the engine may leave switched on. Anything else in the module is an error here.
const FEATURES: WasmFeatures = WasmFeatures::WASM1
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT);

/// Answers one line per import and export: kind, name, signature, separated by tabs.
pub fn verify(module: &[u8]) -> Result<String> {
    verify_requiring(module, &REQUIRED)
}

fn verify_requiring(module: &[u8], required: &[&str]) -> Result<String> {
    Validator::new_with_features(FEATURES).validate_all(module).context("not a valid module")?;
    let found = Found::read(module)?;
    ensure!(found.memories == 1, "{} memories instead of one", found.memories);
    ensure!(found.tables == 1, "{} tables instead of one", found.tables);
    for (index, mutable) in found.globals.iter().enumerate() {
        ensure!(*mutable, "global {index} is constant and should have been replaced by its value");
        let exported = found.exports.iter().any(|(kind, _, of)| *kind == ExternalKind::Global && *of == index as u32);
        ensure!(exported, "global {index} can change and is not exported, so it cannot be set back");
    }
    ensure!(
        found.exports.iter().any(|(kind, name, _)| *kind == ExternalKind::Memory && *name == "memory"),
        "the memory is not exported"
    );
    for name in required {
        ensure!(
            found.exports.iter().any(|(kind, export, _)| *kind == ExternalKind::Func && export == name),
            "no function is exported as {name}"
        );
    }
    found.contract()
}

#[derive(Default)]
struct Found<'a> {
    types: Vec<FuncType>,
    /// Type of every function, imported ones first.
    funcs: Vec<u32>,
    imports: Vec<(&'a str, &'a str, u32)>,
    exports: Vec<(ExternalKind, &'a str, u32)>,
    globals: Vec<bool>,
    memories: u32,
    tables: u32,
}

impl<'a> Found<'a> {
    fn read(module: &'a [u8]) -> Result<Self> {
        let mut found = Found::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    found.types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>()?;
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let TypeRef::Func(ty) = import.ty else { bail!("{} is not a function", import.name) };
                        found.imports.push((import.module, import.name, ty));
                        found.funcs.push(ty);
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        found.funcs.push(ty?);
                    }
                }
                Payload::TableSection(section) => found.tables = section.count(),
                Payload::MemorySection(section) => found.memories = section.count(),
                Payload::GlobalSection(section) => {
                    for global in section {
                        found.globals.push(global?.ty.mutable);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        found.exports.push((export.kind, export.name, export.index));
                    }
                }
                Payload::ElementSection(section) => {
                    for element in section {
                        let ElementKind::Active { offset_expr, .. } = element?.kind else {
                            bail!("an element segment is not active");
                        };
                        literal(&offset_expr)?;
                    }
                }
                Payload::DataSection(section) => {
                    for data in section {
                        let DataKind::Active { offset_expr, .. } = data?.kind else {
                            bail!("a data segment is not active");
                        };
                        literal(&offset_expr)?;
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    for operator in body.get_operators_reader()? {
                        leaves_state_alone(&operator?)?;
                    }
                }
                Payload::StartSection { .. } => bail!("a start function would run at every instantiation"),
                Payload::CustomSection(section) => bail!("custom section {} was not dropped", section.name()),
                // Optimisers write how many data segments there are. It binds nobody: the code uses none of them.
                Payload::DataCountSection { .. } => {}
                Payload::Version { .. } | Payload::CodeSectionStart { .. } | Payload::End(_) => {}
                other => bail!("unexpected section {other:?}"),
            }
        }
        Ok(found)
    }

    fn contract(&self) -> Result<String> {
        let mut text = String::new();
        for (module, name, ty) in &self.imports {
            writeln!(text, "import\t{module}\t{name}\t{}", signature(&self.types[*ty as usize]))?;
        }
        for (kind, name, index) in &self.exports {
            match kind {
                ExternalKind::Func => {
                    let ty = &self.types[self.funcs[*index as usize] as usize];
                    writeln!(text, "export\tfunc\t{name}\t{}", signature(ty))?;
                }
                ExternalKind::Memory => writeln!(text, "export\tmemory\t{name}\t")?,
                ExternalKind::Global => writeln!(text, "export\tglobal\t{name}\ti32")?,
                other => bail!("{name} is exported as a {other:?}"),
            }
        }
        Ok(text)
    }
}

/// Memory and globals are set back after a run; nothing else may change during one.
fn leaves_state_alone(operator: &Operator) -> Result<()> {
    match operator {
        Operator::TableSet { .. }
        | Operator::TableGrow { .. }
        | Operator::TableFill { .. }
        | Operator::TableCopy { .. }
        | Operator::TableInit { .. }
        | Operator::ElemDrop { .. }
        | Operator::DataDrop { .. }
        | Operator::MemoryInit { .. } => bail!("the code contains {operator:?}, which the host could not undo"),
        _ => Ok(()),
    }
}

fn literal(offset: &ConstExpr) -> Result<()> {
    let mut operators = offset.get_operators_reader();
    ensure!(
        matches!(operators.read()?, Operator::I32Const { .. }) && matches!(operators.read()?, Operator::End),
        "a segment's offset is not a plain number, so the engine cannot prepare it"
    );
    Ok(())
}

fn signature(ty: &FuncType) -> String {
    let list = |types: &[wasmparser::ValType]| types.iter().map(|ty| ty.to_string()).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = r#"(memory (export "memory") 1) (table 1 funcref)"#;

    fn refusal(body: &str) -> String {
        let module = wat::parse_str(format!("(module {body})")).expect("test module");
        format!("{:#}", verify_requiring(&module, &[]).expect_err("must be refused"))
    }

    #[test]
    fn a_plain_module_passes_and_is_described() {
        let module = wat::parse_str(format!(
            r#"(module (import "host" "call" (func (param i32 i64))) {REST}
                (global (export "global:0:stack") (mut i32) (i32.const 1)))"#
        ))
        .expect("test module");
        let contract = verify_requiring(&module, &[]).expect("must pass");
        assert_eq!(
            contract,
            "import\thost\tcall\t(i32, i64) -> ()\nexport\tmemory\tmemory\t\nexport\tglobal\tglobal:0:stack\ti32\n"
        );
    }

    #[test]
    fn state_that_cannot_be_set_back_is_refused() {
        let hidden = refusal(&format!("{REST} (global (mut i32) (i32.const 1))"));
        assert!(hidden.contains("not exported"), "{hidden}");
        let table = refusal(&format!("{REST} (func i32.const 0 ref.null func table.set 0)"));
        assert!(table.contains("TableSet"), "{table}");
        let dropped = refusal(&format!("{REST} (func $f data.drop 0) (data (i32.const 0) \"x\")"));
        assert!(dropped.contains("DataDrop"), "{dropped}");
        let copied = refusal(&format!(
            "{REST} (func $f (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0))) (data (i32.const 0) \"x\")"
        ));
        assert!(copied.contains("MemoryInit"), "{copied}");
    }

    #[test]
    fn a_count_of_data_segments_that_nothing_uses_is_allowed() {
        use wasm_encoder::{DataCountSection, Module, RawSection};
        let plain = wat::parse_str(format!("(module {REST} (func) (data (i32.const 0) \"x\"))")).expect("test module");
        let mut counted = Module::new();
        for payload in Parser::new(0).parse_all(&plain) {
            let payload = payload.expect("test module");
            let Some((id, range)) = payload.as_section() else { continue };
            let section = &plain[range.start as usize..range.end as usize];
            if matches!(payload, Payload::CodeSectionStart { .. }) {
                counted.section(&DataCountSection { count: 1 });
            }
            counted.section(&RawSection { id, data: section });
        }
        verify_requiring(&counted.finish(), &[]).expect("must pass");
    }

    #[test]
    fn what_runs_at_instantiation_is_refused() {
        let start = refusal(&format!("{REST} (func $f) (start $f)"));
        assert!(start.contains("start function"), "{start}");
    }

    #[test]
    fn features_the_engine_switches_off_are_refused() {
        let simd = refusal(&format!("{REST} (func v128.const i64x2 0 0 drop)"));
        assert!(simd.contains("SIMD"), "{simd}");
        let memories = refusal(&format!("{REST} (memory 1)"));
        assert!(memories.contains("multi"), "{memories}");
    }

    #[test]
    fn a_missing_export_is_named() {
        let module = wat::parse_str(format!("(module {REST})")).expect("test module");
        let refusal = verify_requiring(&module, &["run"]).expect_err("must be refused").to_string();
        assert!(refusal.contains("exported as run"), "{refusal}");
    }
}
