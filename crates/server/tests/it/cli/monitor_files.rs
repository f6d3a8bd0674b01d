//! `revere export` and `revere apply`: monitors as files, there and back.

use std::{collections::BTreeMap, fs, path::Path};

use revere_model::{Clock as _, MONITOR_FIELDS, Role};
use serde_json::{Value, json};

use super::{Said, Shell, server::Server};
use crate::{
    access::{Visitor, person},
    api,
    support::processor,
};

impl Shell {
    fn at(&self, server: &Server, arguments: &str) -> Said {
        self.run(&format!("{arguments} --server {}", server.address))
    }

    fn files(&self, folder: &str) -> BTreeMap<String, String> {
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let entries = fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), read(&path))).collect()
    }
}

async fn monitors(server: &Server) -> Vec<Value> {
    server.json("/api/v1/monitors?limit=500").await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_exported_and_applied_to_an_empty_server_is_exported_again_to_the_letter() {
    let alerts = "REVERE_ALERTS = {'ops': {'type': 'log'}, 'night': {'type': 'log'}}\n";
    let shell = Shell::new();
    shell.write("config.py", alerts);
    let first = shell.serve(&[]);
    let description = "Orders are paid.\n\n///\nSee https://wiki/\"orders\" \u{1f600}\t\\n";
    for monitor in [
        json!({"name": "Orders", "schedule": "*/5 * * * *", "script": "return_value = 1", "description": description,
            "tags": ["shop", "été"], "timezone": "Europe/Berlin", "alarm_after": 3, "alarm_window": 5, "timeout_s": 2.5, "retain_days": null}),
        json!({"name": "Orders / paid?", "schedule": "0 0 1 1 *\n30 6 2 1 *", "script": "# /// revere\nif 1:\n\tx = 1\r\n", "active": false}),
        json!({"name": "orders: paid", "schedule": "0 0 1 1 *", "script": "x = '\u{feff}日本'\n\n\n"}),
        json!({"name": "'\"\"\"' \\", "schedule": "0 0 1 1 *", "script": "x = 1\n", "retain_days": 3}),
        // Everything that is left, none of it at its default.
        json!({"name": "Slow pages", "schedule": "@daily", "script": "return_value = 12.5\n", "alerts": ["night"], "unit": "ms",
            "decimals": 2, "recover_after": 4, "default_severity": "warning", "state_in_outage": "keep", "told_in_outage": true}),
    ] {
        let (status, answer) = first.post("/api/v1/monitors", &monitor).await;
        assert_eq!(status, 201, "{answer:#}");
    }
    let said = shell.at(&first, "export one").exits(0);
    assert!(said.stdout.contains("5 monitors in one: 5 written, 0 as they were."), "{}", said.stdout);
    let files = shell.files("one");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["monitor.py", "orders-paid-2.py", "orders-paid.py", "orders.py", "slow-pages.py"]);
    assert!(files["orders.py"].starts_with("# /// revere\n# name = \"Orders\"\n"), "{}", files["orders.py"]);

    let other = Shell::new();
    other.write("config.py", alerts);
    let second = other.serve(&[]);
    let folder = shell.path("one").display().to_string();
    let said = other.at(&second, &format!("apply {folder} --note first")).exits(0);
    assert_eq!(said.stdout, "5 created, 0 changed, 0 deleted; 0 as the files have them.\n");
    other.at(&second, "export two").exits(0);
    assert_eq!(other.files("two"), files);
    let orders = monitors(&second).await.into_iter().find(|monitor| monitor["name"] == "Orders").unwrap();
    assert_eq!((&orders["description"], &orders["retain_days"]), (&json!(description), &Value::Null));
    let versions = second.json(&format!("/api/v1/monitors/{}/versions", orders["id"])).await;
    assert_eq!(versions["items"][0]["note"], "first", "{versions:#}");
    let said = other.at(&second, &format!("apply {folder}")).exits(0);
    assert_eq!(said.stdout, "0 created, 0 changed, 0 deleted; 5 as the files have them.\n");
    // The files say all that an author decides.
    let decided = async |server: &Server| {
        let all = monitors(server).await.into_iter();
        let mut all: Vec<Vec<Value>> =
            all.map(|monitor| MONITOR_FIELDS.iter().map(|field| monitor[field.name].clone()).collect()).collect();
        all.sort_by_key(|fields| fields[0].to_string());
        all
    };
    let all = decided(&first).await;
    assert_eq!(decided(&second).await, all);
    // One of the monitors leaves out what it can: what is the same in all of them is at its default in all, and would come
    // back even if the files said nothing of it.
    let fields = MONITOR_FIELDS.iter().enumerate();
    let unseen = fields.filter(|(at, _)| all.iter().all(|fields| fields[*at] == all[0][*at]));
    let unseen: Vec<&str> = unseen.map(|(_, field)| field.name).collect();
    assert!(unseen.is_empty(), "no monitor above has anything but the default of {unseen:?}");
    first.stop();
    second.stop();
}

#[tokio::test]
async fn a_dry_run_shows_what_would_change_and_pruning_is_asked_for() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    for name in ["Kept", "Gone"] {
        let monitor = json!({"name": name, "schedule": "0 0 1 1 *", "script": "x = 1\ny = 2\n", "tags": ["shop"]});
        assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    }
    let other = json!({"name": "Others", "schedule": "0 0 1 1 *", "script": "x = 1\n"});
    assert_eq!(server.post("/api/v1/monitors", &other).await.0, 201);
    shell.at(&server, "export files --tag shop").exits(0);
    assert_eq!(shell.files("files").len(), 2);
    fs::remove_file(shell.path("files/gone.py")).unwrap();
    // A file may be called otherwise and lie deeper.
    let kept = fs::read_to_string(shell.path("files/kept.py")).unwrap().replace("y = 2", "y = 3");
    fs::remove_file(shell.path("files/kept.py")).unwrap();
    shell.write("files/shop/anything.py", &kept.replace("0 0 1 1 *", "0 0 2 2 *"));
    shell.write(
        "files/shop/new.py",
        "# /// revere\n# name = \"New\"\n# schedule = \"0 0 1 1 *\"\n# tags = [\"shop\"]\n# ///\nx = 1\n",
    );
    shell.write("files/helper.py", "def share(a, b): return a / b\n");

    let said = shell.at(&server, "apply files --tag shop --prune --dry-run").exits(0);
    let expected = "+ New  (files/shop/new.py)\n~ Kept  (files/shop/anything.py)\n    script:\n      @@ -1,2 +1,2 @@\n       x = 1\n      -y = 2\n\
        \x20     +y = 3\n    schedule: \"0 0 1 1 *\" -> \"0 0 2 2 *\"\n- Gone  (monitor 2)\n\
        Would create 1, change 1, delete 1; 0 as the files have them.\nNothing was changed: this was a dry run.\n";
    assert_eq!(said.stdout, expected);
    assert!(said.stderr.contains("left out files/helper.py"), "{}", said.stderr);
    assert_eq!(monitors(&server).await.len(), 3);

    // Files that lost their heads are not as if they were gone.
    for (lost, text, words) in [
        ("files/gone.py", "", "files/gone.py:1: has no head, and --prune would delete the monitor 'Gone'"),
        (
            "files/merged.py",
            "<<<<<<< HEAD\n# /// revere\n",
            "files/merged.py:2: the head of a monitor has to begin in the first line",
        ),
    ] {
        shell.write(lost, text);
        for how in ["--dry-run", ""] {
            let said = shell.at(&server, &format!("apply files --tag shop --prune {how}")).exits(1);
            assert!(said.stderr.contains(words), "{}", said.stderr);
        }
        fs::remove_file(shell.path(lost)).unwrap();
    }
    assert_eq!(monitors(&server).await.len(), 3);

    let said = shell.at(&server, "apply files --tag shop").exits(0);
    let words = "1 created, 1 changed, 0 deleted; 0 as the files have them.\nIn no file (--prune deletes them): 1 monitor\n  Gone\n";
    assert_eq!(said.stdout, words);
    shell.at(&server, "apply files --tag shop --prune").exits(0);
    let names: Vec<Value> = monitors(&server).await.iter().map(|monitor| monitor["name"].clone()).collect();
    assert_eq!(names, ["Kept", "Others", "New"], "one without the tag is not looked at");
    assert_eq!(server.json("/api/v1/deleted-monitors").await["items"][0]["name"], "Gone");

    // The place of a file that is there is kept, and what is gone goes where that is asked for.
    shell.write(
        "files/old.py",
        "# /// revere\n# name = \"Old\"\n# schedule = \"0 0 1 1 *\"\n# tags = [\"shop\"]\n# ///\nx = 1\n",
    );
    let said = shell.at(&server, "export files --tag shop").exits(0);
    assert!(
        said.stdout.contains("2 monitors in files: 1 written, 1 as they were")
            && said.stdout.contains("  files/old.py\n"),
        "{}",
        said.stdout
    );
    assert!(fs::read_to_string(shell.path("files/shop/anything.py")).unwrap().contains("y = 3"));
    shell.at(&server, "export files --tag shop --prune").exits(0);
    assert!(!shell.path("files/old.py").exists() && shell.path("files/helper.py").exists());
    server.stop();
}

#[tokio::test]
async fn what_is_wrong_is_said_of_all_files_by_line_before_anything_changes() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    let head = |more: &str| format!("# /// revere\n# name = \"a\"\n# schedule = \"* * * * *\"\n{more}# ///\n");
    shell.write("files/a.py", &head("# alarm_after = 0\n"));
    shell.write("files/b.py", "# /// revere\n# name = \"b\"\n# shedule = \"* * * * *\"\n# ///\nx = 1\n");
    shell.write("files/c.py", &head("").replace("\"* * * * *\"", "\"61 * * * *\"").replace("\"a\"", "\"c\""));
    shell.write("files/d.py", &head(""));
    // What only the server knows is said of them in the same breath, of a file with a wrong setting, too.
    let named = |name: &str, more: &str| head(more).replace("\"a\"", &format!("\"{name}\""));
    let more = "# shedule = 1\n# alerts = [\"nobody\"]\n# tags = 3\n";
    shell.write("files/e.py", &(named("e", more) + "if x\n"));
    shell.write("files/f.py", &named("twin", "# alerts = [\"nobody\"]\n"));
    for _ in 0..2 {
        let twin = json!({"name": "twin", "schedule": "0 0 1 1 *", "script": "x = 1"});
        assert_eq!(server.post("/api/v1/monitors", &twin).await.0, 201);
    }
    let said = shell.at(&server, "apply files").exits(1).stderr;
    let mut last = 0;
    for part in [
        "files/a.py:4: alarm_after: expected a whole number from 1 to 1000",
        "files/b.py:3: unknown setting 'shedule'; did you mean 'schedule'?",
        "files/c.py:3: schedule: ",
        "files/d.py:2: is named 'a' as files/a.py is",
        "files/e.py:4: unknown setting 'shedule'; did you mean 'schedule'?",
        "files/e.py:5: alerts: unknown alert 'nobody'; known: none",
        "files/e.py:6: tags: ",
        "files/e.py:8: SyntaxError: expected ':'",
        "files/f.py:2: the server has 2 monitors named 'twin', 1 and 2; rename them, but one",
        "files/f.py:4: alerts: unknown alert 'nobody'; known: none",
        "Nothing was changed",
    ] {
        let at = said[last..].find(part).unwrap_or_else(|| panic!("{part}: {said}"));
        last += at;
    }
    // Four of the scripts are empty, too.
    assert_eq!(said.lines().count(), 15, "each once: {said}");
    let alone = shell.run("apply files --server http://127.0.0.1:1/").exits(1).stderr;
    assert!(alone.contains("files/d.py:2: ") && alone.contains("nor was the server asked: "), "{alone}");
    for id in [1, 2] {
        server.delete(&format!("/api/v1/monitors/{id}")).await;
    }
    for name in ["e", "f"] {
        fs::remove_file(shell.path(&format!("files/{name}.py"))).unwrap();
    }
    for name in ["a", "b", "c", "d"] {
        fs::remove_file(shell.path(&format!("files/{name}.py"))).unwrap();
    }
    shell.write("files/good.py", &(head("") + "x = 1\n"));
    shell.write("files/bad.py", &(head("").replace("\"a\"", "\"b\"") + "x = 1\nif x\n"));
    let said = shell.at(&server, "apply files").exits(1).stderr;
    assert!(
        said.contains("files/bad.py:6: SyntaxError: expected ':'") && said.contains("Nothing was changed"),
        "{said}"
    );
    assert_eq!(monitors(&server).await.len(), 0);
    for _ in 0..2 {
        assert_eq!(
            server.post("/api/v1/monitors", &json!({"name": "a", "schedule": "0 0 1 1 *", "script": "x = 1"})).await.0,
            201
        );
    }
    fs::remove_file(shell.path("files/bad.py")).unwrap();
    let said = shell.at(&server, "apply files").exits(1).stderr;
    assert!(said.contains("files/good.py:2: the server has 2 monitors named 'a', 3 and 4; rename them"), "{said}");
    shell.write("empty/x.txt", "");
    assert!(shell.at(&server, "apply empty").exits(1).stderr.contains("has no monitors"));
    assert!(shell.run("apply files --server ftp://x").exits(1).stderr.contains("expected http://host:port/"));
    server.stop();
    assert!(shell.run("export files --server http://127.0.0.1:1/").exits(1).stderr.contains("127.0.0.1:1"));
}

#[tokio::test]
async fn a_script_hides_no_line_of_a_dry_run() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    let monitor = json!({"name": "a", "schedule": "0 0 1 1 *", "script": "x = 1\n", "tags": ["t"]});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    let hostile = "import os # \u{1b}[1A\u{1b}[2K\u{9b}8m\u{202e}\nx = 1\n";
    shell.write(
        "files/a.py",
        &format!("# /// revere\n# name = \"a\"\n# schedule = \"0 0 1 1 *\"\n# tags = [\"t\"]\n# ///\n{hostile}"),
    );
    let said = shell.at(&server, "apply files --dry-run").exits(0).stdout;
    assert!(said.contains("+import os # \\u{1b}[1A\\u{1b}[2K\\u{9b}8m\\u{202e}\n"), "{said}");
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
    // What a script says while it runs, as well, for people and for programs.
    shell.write("says.py", "print('x\\x1b[2K\\x9b8m\\u202e')\nraise MonitorFailure('y\\x1b[1A\\x9b8m\\u202e')\n");
    for arguments in ["eval says.py", "eval --json says.py"] {
        let said = shell.run(arguments).exits(1).stdout;
        assert!(said.contains("x1b[1A") && said.contains("x1b[2K"), "{said}");
        assert!(!said.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{said:?}");
    }
    server.stop();
}

#[test]
fn a_token_goes_over_a_network_by_https_alone_unless_that_is_said() {
    let shell = Shell::new();
    let export = |server: &str, more: &str, token: &str| {
        let mut command = shell.revere();
        command.args(["export", "files", "--server", server]).args(more.split_whitespace()).env("REVERE_TOKEN", token);
        super::said(&mut command).exits(1).stderr
    };
    let refused = export("http://revere.invalid:5000/", "", "a-s3cret-token");
    assert!(refused.contains("http://revere.invalid:5000/ is not encrypted"), "{refused}");
    assert!(refused.contains("--token-in-the-clear") && !refused.contains("s3cret"), "{refused}");
    let refused = export("http://me:pass-s3cret@revere.invalid/", "", "");
    assert!(refused.contains("is not encrypted") && !refused.contains("s3cret"), "{refused}");
    for (server, more, token) in [
        ("http://revere.invalid/", "", ""),
        ("http://revere.invalid/", "--token-in-the-clear", "a-s3cret-token"),
        ("https://revere.invalid/", "", "a-s3cret-token"),
        ("http://127.0.0.1:1/", "", "a-s3cret-token"),
    ] {
        let said = export(server, more, token);
        assert!(said.contains("is a Revere server running there?"), "{server}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_people_log_in_a_token_is_asked_for_and_its_role_counts() {
    let server = api::server::Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let ada = Visitor::logged_in(&server, "ada").await;
    let (editor, viewer) = (ada.token("editor", "shop").await, ada.token("viewer", "").await);
    let shell = Shell::new();
    let file = |tags: &str| {
        format!("# /// revere\n# name = \"a\"\n# schedule = \"0 0 1 1 *\"\n# tags = [{tags}]\n# ///\nx = 1\n")
    };
    shell.write("files/a.py", &file("\"shop\""));
    let apply = format!("apply files --server {}", server.base);
    let said = shell.run(&apply).exits(1).stderr;
    assert!(said.contains("Make a token at") && said.contains("REVERE_TOKEN"), "{said}");
    shell.write("token", &viewer);
    assert!(shell.run(&format!("{apply} --token-file token")).exits(1).stderr.contains("viewer"), "it may not");
    let said = super::said(shell.revere().args(apply.split(' ')).env("REVERE_TOKEN", &editor)).exits(0);
    assert!(said.stdout.starts_with("1 created"), "{}", said.stdout);
    // An editor of a tag gives no monitor away.
    shell.write("files/a.py", &file("\"mail\""));
    for dry in ["", " --dry-run"] {
        let apply = format!("{apply}{dry}");
        let said = super::said(shell.revere().args(apply.split(' ')).env("REVERE_TOKEN", &editor)).exits(1).stderr;
        assert!(said.contains("files/a.py: you may not") && said.contains("Nothing was changed"), "{said}");
    }
    // What would be denied is known before, also where nothing but a schedule changes, or something is deleted.
    shell.write("files/a.py", &file("\"shop\"").replace("0 0 1 1 *", "0 0 2 2 *"));
    let dry = format!("{apply} --dry-run");
    let said = shell.run(&format!("{dry} --token-file token")).exits(1).stderr;
    assert!(said.contains("files/a.py: a viewer may not change this monitor"), "{said}");
    let spec = revere_model::MonitorSpec {
        name: "others".to_owned(),
        tags: vec!["mail".to_owned()],
        ..crate::support::spec("b")
    };
    server.store.create_monitor(&spec, &crate::support::by_server(server.clock.now())).await.unwrap();
    let dry_as_editor = |more: &str| {
        let dry = format!("{dry}{more}");
        super::said(shell.revere().args(dry.split(' ')).env("REVERE_TOKEN", &editor))
    };
    assert!(dry_as_editor("").exits(0).stdout.contains("Would create 0, change 1, delete 0"));
    let said = dry_as_editor(" --prune").exits(1).stderr;
    assert!(said.contains("('others'): you may not delete"), "{said}");
}

#[tokio::test]
async fn a_thousand_monitors_are_applied_within_ten_seconds() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    for number in 0..1000 {
        let head = format!("# /// revere\n# name = \"m{number}\"\n# schedule = \"0 0 1 1 *\"\n# ///\n");
        shell.write(&format!("files/m{number}.py"), &format!("{head}return_value = {number}\n"));
    }
    let (began, before) = (std::time::Instant::now(), processor::of(&server.proc("stat")));
    let (said, client) = processor::spent(|| shell.at(&server, "apply files").exits(0));
    let (took, spent) = (began.elapsed(), client + processor::of(&server.proc("stat")) - before);
    assert_eq!(said.stdout, "1000 created, 0 changed, 0 deleted; 0 as the files have them.\n");
    println!("1,000 monitors applied in {took:?}, of which both computed for {spent:?}");
    // A machine that does much else beside it makes it longer by the clock, and not by what it computes.
    assert!(took.min(spent) < std::time::Duration::from_secs(10), "{took:?}, computed for {spent:?}");
    server.stop();
}

#[tokio::test]
async fn a_monitor_that_gets_the_tag_is_no_second_one_and_what_files_leave_out_stays() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    let monitor = json!({"name": "a", "schedule": "0 0 1 1 *", "script": "x = 1\n", "active": false, "timezone": "Asia/Tokyo", "retain_days": 7});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    let file = |more: &str| {
        format!("# /// revere\n# name = \"a\"\n# schedule = \"0 0 1 1 *\"\n# tags = [\"shop\"]\n{more}# ///\nx = 1\n")
    };
    shell.write("files/a.py", &file(""));
    assert!(shell.at(&server, "apply files --tag Shop").exits(1).stderr.contains("the tag 'Shop' is missing"));
    let said = shell.at(&server, "apply files --tag shop --prune").exits(0);
    assert!(said.stdout.starts_with("0 created, 1 changed, 0 deleted"), "{}", said.stdout);
    let kept = monitors(&server).await;
    assert_eq!((kept.len(), &kept[0]["tags"]), (1, &json!(["shop"])));
    assert_eq!(
        (&kept[0]["active"], &kept[0]["timezone"], &kept[0]["retain_days"]),
        (&json!(false), &json!("Asia/Tokyo"), &json!(7))
    );
    shell.write("files/a.py", &file("# active = true\n"));
    shell.at(&server, "apply files").exits(0);
    assert_eq!(monitors(&server).await[0]["active"], true);

    // An alert that is not there is said before anything changes.
    shell.write("files/a.py", &file("# alerts = [\"nobody\"]\n"));
    shell.write("files/b.py", &file("").replace("\"a\"", "\"b\""));
    for arguments in ["apply files --dry-run", "apply files"] {
        let said = shell.at(&server, arguments).exits(1).stderr;
        assert!(
            said.contains("files/a.py:5: alerts: unknown alert 'nobody'") && said.contains("Nothing was changed"),
            "{said}"
        );
    }
    assert_eq!(monitors(&server).await.len(), 1);
    server.stop();
}

#[tokio::test]
async fn links_are_followed_and_written_through_and_two_of_one_name_are_not_exported() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    shell.write("shop/a.py", "# /// revere\n# name = \"a\"\n# schedule = \"0 0 1 1 *\"\n# ///\nx = 1\n");
    fs::create_dir(shell.path("files")).unwrap();
    std::os::unix::fs::symlink(shell.path("shop"), shell.path("files/shop")).unwrap();
    // A circle ends.
    std::os::unix::fs::symlink(shell.path("files"), shell.path("shop/back")).unwrap();
    let said = shell.at(&server, "apply files --prune").exits(0);
    assert!(said.stdout.starts_with("1 created, 0 changed, 0 deleted"), "{}", said.stdout);
    assert!(
        shell.at(&server, "apply files --prune").exits(0).stdout.starts_with("0 created, 0 changed, 0 deleted; 1 as")
    );
    shell.at(&server, "export files").exits(0);
    assert!(shell.path("files/shop").is_symlink());
    assert!(fs::read_to_string(shell.path("shop/a.py")).unwrap().contains("# timezone = \"UTC\""));
    let twin = json!({"name": "a", "schedule": "0 0 1 1 *", "script": "x = 2\n"});
    assert_eq!(server.post("/api/v1/monitors", &twin).await.0, 201);
    let said = shell.at(&server, "export files").exits(1).stderr;
    assert!(said.contains("several monitors are named 'a'") && said.contains("Nothing was written"), "{said}");
    server.stop();
}
