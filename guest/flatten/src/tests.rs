//! The whole way, with a component that has wit-component's shape in small: a library, a shim, a fixup.

use crate::flatten;
use wasmparser::{Operator, Parser, Payload};

/// `run` of the library calls the host through the shim. Its stack pointer is the only global that changes.
const COMPONENT: &str = r#"
(component
  (import "host-call" (func $host (param "x" u32) (result u32)))
  (core module $shim
    (type $t (func (param i32) (result i32)))
    (table (export "$imports") 1 1 funcref)
    (func (export "0") (param i32) (result i32) local.get 0 i32.const 0 call_indirect (type $t)))
  (core module $fixup
    (import "" "0" (func $f (param i32) (result i32)))
    (import "" "$imports" (table 1 1 funcref))
    (elem (i32.const 0) func $f))
  (core module $env
    (memory (export "memory") 1)
    (table (export "table") 4 funcref)
    (global (export "__memory_base") i32 (i32.const 1024))
    (global (export "__stack_pointer") (mut i32) (i32.const 65536)))
  (core module $library
    (type $t (func (param i32) (result i32)))
    (import "env" "memory" (memory 1))
    (import "env" "table" (table 4 funcref))
    (import "env" "__memory_base" (global $base i32))
    (import "env" "__stack_pointer" (global $stack (mut i32)))
    (import "host" "host-call" (func $call (param i32) (result i32)))
    (import "host" "unused" (func $unused (param i32) (result i32)))
    (func (export "run") (param i32) (result i32)
      global.get $stack i32.const 16 i32.sub global.set $stack
      global.get $base local.get 0 i32.add call $call)
    (func (export "never-called") (result i32) i32.const 0 call $unused)
    (func $in_table (param i32) (result i32) local.get 0)
    (elem (i32.const 1) func $in_table)
    (data (global.get $base) "data"))
  (core instance $s (instantiate $shim))
  (alias core export $s "0" (core func $through_shim))
  (alias core export $s "$imports" (core table $imports))
  (core instance $e (instantiate $env))
  (core instance $h (export "host-call" (func $through_shim)) (export "unused" (func $through_shim)))
  (core instance $l (instantiate $library (with "env" (instance $e)) (with "host" (instance $h))))
  (core func $lowered (canon lower (func $host)))
  (core instance $arguments (export "0" (func $lowered)) (export "$imports" (table $imports)))
  (core instance (instantiate $fixup (with "" (instance $arguments))))
  (alias core export $l "run" (core func $run))
  (alias core export $e "memory" (core memory $memory))
  (func (export "run") (param "x" u32) (result u32) (canon lift (core func $run) (memory $memory))))
"#;

fn flattened(component: &str) -> anyhow::Result<Vec<u8>> {
    flatten(&wat::parse_str(component).expect("test component"))
}

#[test]
fn the_shim_disappears_and_calls_go_straight_to_the_host() {
    let module = flattened(COMPONENT).expect("must flatten");
    let mut bodies = Vec::new();
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        match payload.expect("valid module") {
            Payload::ImportSection(section) => {
                imports.extend(section.into_imports().map(|import| import.expect("valid import").name.to_string()));
            }
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    assert_eq!(imports, ["host-call"]);
    // `run` and the function in the table; what nobody calls is gone, the shim included.
    assert_eq!(bodies.len(), 2);
    let operators: Vec<Operator> =
        bodies[0].get_operators_reader().expect("body").into_iter().map(|operator| operator.expect("valid")).collect();
    assert!(operators.contains(&Operator::Call { function_index: 0 }), "{operators:?}");
    // The base is a number now.
    assert!(operators.contains(&Operator::I32Const { value: 1024 }), "{operators:?}");
}

#[test]
fn only_the_global_that_changes_is_kept() {
    let module = flattened(COMPONENT).expect("must flatten");
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        match payload.expect("valid module") {
            Payload::GlobalSection(section) => assert_eq!(section.count(), 1),
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|export| export.expect("valid export").name.to_string()));
            }
            _ => {}
        }
    }
    assert_eq!(exports, ["run", "memory", "global:0:__stack_pointer"]);
}

#[test]
fn a_component_that_is_not_pre_initialised_is_refused() {
    let with_start =
        COMPONENT.replace("(func $in_table (param i32)", "(func $go) (start $go) (func $in_table (param i32)");
    let refusal = format!("{:#}", flattened(&with_start).expect_err("must be refused"));
    assert!(refusal.contains("not pre-initialised"), "{refusal}");
}

#[test]
fn a_component_without_shim_is_refused() {
    let refusal = format!("{:#}", flattened("(component)").expect_err("must be refused"));
    assert!(refusal.contains("fixup"), "{refusal}");
}
