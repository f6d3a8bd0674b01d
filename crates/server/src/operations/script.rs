//! Scripts before they are kept: do they compile, and are they too long?

use revere_model::{MAX_SCRIPT_BYTES, Operation};
use revere_sandbox::ScriptError;

use super::{Context, Failure, FieldFault};

/// What there is to say of a script that was not run.
#[derive(Default)]
pub struct Checked {
    /// Why it does not compile.
    pub errors: Vec<FieldFault>,
    /// What compiles and is hardly meant.
    pub warnings: Vec<FieldFault>,
}

/// Compiles a script, and looks for what its author hardly means.
pub async fn check(context: &Context, script: &str) -> Result<Checked, Failure> {
    let fault = |line, message| FieldFault { line, ..FieldFault::new("script", message) };
    Ok(
        match context
            .may(Operation::TryScripts)?
            .runner
            .check(script)
            .await
            .map_err(|error| Failure::Internal(Box::new(error)))?
        {
            Ok(warnings) => Checked {
                warnings: warnings.into_iter().map(|warning| fault(Some(warning.line), warning.message)).collect(),
                ..Checked::default()
            },
            Err(error) => Checked { errors: vec![fault(error.line, words(&error))], ..Checked::default() },
        },
    )
}

/// Whether a script is longer than any that is kept.
pub fn too_large(script: &str) -> Option<FieldFault> {
    let message = || {
        format!(
            "the script has {} bytes: {} KiB at most, move helpers to a PYTHON_PATH folder",
            script.len(),
            MAX_SCRIPT_BYTES / 1024
        )
    };
    (script.len() > MAX_SCRIPT_BYTES).then(|| FieldFault::new("script", message()))
}

fn words(error: &ScriptError) -> String {
    // The last line of a traceback is the exception itself.
    let last = error.traceback.as_deref().and_then(|text| text.lines().rfind(|line| !line.trim().is_empty()));
    let what = last.unwrap_or(&error.kind).trim();
    match error.line {
        Some(line) => format!("line {line}: {what}"),
        None => what.to_owned(),
    }
}
