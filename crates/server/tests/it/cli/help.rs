//! Help, completion and what wrong arguments get.

use super::Shell;

#[test]
fn without_a_command_it_says_what_it_can_do() {
    let shell = Shell::new();
    let said = shell.run("").exits(2);
    for command in ["run", "init", "demo", "check", "eval", "replay", "import", "backup", "move", "user", "completions"]
    {
        assert!(said.stderr.contains(&format!("\n  {command} ")), "{command}: {}", said.stderr);
    }
    assert!(said.stderr.contains("Exit codes:"));
}

#[test]
fn help_goes_to_standard_output_with_examples() {
    let shell = Shell::new();
    for command in ["run", "init", "demo", "check", "eval", "replay", "import", "backup", "move", "user", "completions"]
    {
        let said = shell.run(&format!("{command} --help")).exits(0);
        assert!(said.stdout.contains("Examples:\n  revere "), "{command}: {}", said.stdout);
        assert_eq!(said.stderr, "");
    }
    assert!(shell.run("--version").exits(0).stdout.starts_with("revere "));
}

#[test]
fn help_of_every_command_has_room_in_80_columns() {
    let shell = Shell::new();
    let overview = shell.run("--help").exits(0).stdout;
    let commands = overview.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    let commands = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let commands: Vec<&str> = commands.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands.into_iter().filter(|command| *command != "help").chain([""]) {
        let said = shell.revere().env("COLUMNS", "80").args(command.split_whitespace()).arg("-h").output().unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{command}: {text}");
        // What was broken before is not broken once more: an example stands in its line, a sentence fills its own.
        let after = text.split("\nExamples:\n").nth(1).unwrap();
        for line in after.lines().filter(|line| line.starts_with(' ')) {
            let begins = line.trim_start();
            let is_example = ["revere ", "echo ", "pass ", "REVERE_TOKEN="].iter().any(|word| begins.starts_with(word));
            assert!(is_example || begins.starts_with(|c: char| c.is_ascii_digit()), "{command}: {line:?} of {text}");
        }
        let prose: Vec<&str> = after.lines().filter(|line| !line.starts_with(' ')).collect();
        for pair in prose.windows(2) {
            let is_short = pair[0].len() < 60 && !pair[0].is_empty() && !pair[1].is_empty();
            assert!(!is_short || pair[0].ends_with(['.', ':']), "{command}: {pair:?}");
        }
    }
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
