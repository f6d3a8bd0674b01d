//! Help, completion and what wrong arguments get.

use super::Shell;

#[test]
fn without_a_command_it_says_what_it_can_do() {
    let shell = Shell::new();
    let said = shell.run("").exits(2);
    for command in ["run", "init", "demo", "check", "eval", "replay", "import", "backup", "user", "completions"] {
        assert!(said.stderr.contains(&format!("\n  {command} ")), "{command}: {}", said.stderr);
    }
    assert!(said.stderr.contains("Exit codes:"));
}

#[test]
fn help_goes_to_standard_output_with_examples() {
    let shell = Shell::new();
    for command in ["run", "init", "demo", "check", "eval", "replay", "import", "backup", "user", "completions"] {
        let said = shell.run(&format!("{command} --help")).exits(0);
        assert!(said.stdout.contains("Examples:\n  revere "), "{command}: {}", said.stdout);
        assert_eq!(said.stderr, "");
    }
    assert!(shell.run("--version").exits(0).stdout.starts_with("revere "));
}

#[test]
fn a_misspelled_command_is_guessed() {
    let shell = Shell::new();
    let said = shell.run("chek").exits(2);
    assert!(said.stderr.contains("'check'"), "{}", said.stderr);
}

#[test]
fn shells_learn_the_subcommands() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish"] {
        let said = shell.run(&format!("completions {name}")).exits(0);
        assert!(
            said.stdout.contains("revere") && said.stdout.contains("eval") && said.stdout.contains("backup"),
            "{name}"
        );
    }
    // A shell can read what was written.
    let script = shell.path("completion.bash");
    std::fs::write(&script, shell.run("completions bash").stdout).unwrap();
    let check = std::process::Command::new("bash").arg("-n").arg(&script).status().unwrap();
    assert!(check.success());
    shell.run("completions tcl").exits(2);
}
