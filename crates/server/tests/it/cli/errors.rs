//! What wrong arguments, files and places get: words that say what to do, and none of a programming language.

use std::net::TcpListener;

use super::Shell;

/// What libraries say, and what nobody should have to read.
const OF_LIBRARIES: [&str; 9] = [
    "os error",
    "invalid digit",
    "failed to lookup",
    "returned from database",
    "(code: ",
    "expected value at",
    "four digit year",
    "panicked",
    "Some(",
];

#[test]
fn errors_are_in_words() {
    let shell = Shell::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    shell.write("config.py", "BASE_URL = 'http://localhost:1'");
    shell.write("ok.py", "return_value = 1");
    shell.write("half.json", "{\"format\": ");
    std::fs::create_dir(shell.path("folder")).unwrap();
    for (arguments, words) in [
        ("eval nofile.py", "cannot read the script nofile.py: No such file or directory\n"),
        ("eval folder", "cannot read the script folder: Is a directory\n"),
        ("eval --timeout abc ok.py", "expected a number of seconds above 0 and up to 86400"),
        ("eval --tape folder ok.py", "cannot write the tape folder: Is a directory\n"),
        ("-c folder check", "folder: Is a directory\n"),
        ("-c nofile check", "nofile does not exist; write one with `revere init`"),
        ("replay ok.py", "this is not a tape: it stops being JSON in line 1; `revere eval --tape FILE` writes one\n"),
        ("replay half.json", "this is not a tape: it stops being JSON in line 1;"),
        ("replay nofile", "cannot read the tape nofile: No such file or directory\n"),
        ("import folder", "it cannot be read: Is a directory\n"),
        ("import ok.py", "it is not a SQLite database"),
        ("export x --server abc", "--server (or REVERE_URL) is no address; expected http://host:port/"),
        ("export x --server http://127.0.0.1:1", "connection refused: nothing listens there"),
        ("export x --server http://name.invalid", "the name cannot be resolved: "),
        ("export x --token-file folder", "cannot read the token in folder: Is a directory\n"),
        ("apply nofolder", "cannot read nofolder: No such file or directory\n"),
        ("apply ok.py", "cannot read ok.py: Not a directory\n"),
        ("backup --database folder x.db", "cannot open the database folder: unable to open database file\n"),
        ("backup --database ok.py x.db", "cannot open the database ok.py: file is not a database\n"),
        ("run --look ok.py", "cannot open the database ok.py: file is not a database\n"),
        ("run --host name.invalid", "no address has that name; use --host with an address of this machine: "),
        ("run --host 192.0.2.1", "use --host with an address of this machine: Cannot assign requested address\n"),
        ("run -p 99999", "expected a whole number from 0 to 65535"),
        ("demo -p x", "expected a whole number from 0 to 65535"),
        ("alert who 1 --at soon", "expected a time such as 2026-12-24T22:00:00Z"),
        (
            "init -c /nodir/config.py",
            "choose a folder that exists and that you may write to: No such file or directory\n",
        ),
    ] {
        let said = shell.run(arguments);
        assert!(said.code != 0 && said.stderr.contains(words), "{arguments}: {}", said.stderr);
        let of_libraries = OF_LIBRARIES.iter().find(|part| said.stderr.contains(**part));
        assert_eq!(of_libraries, None, "{arguments}: {}", said.stderr);
    }
    let said = shell.run(&format!("run -p {port}")).exits(1);
    assert!(said.stderr.contains("is in use") || said.stderr.contains("already"), "{}", said.stderr);
    assert!(!said.stderr.contains("os error"), "{}", said.stderr);
}
