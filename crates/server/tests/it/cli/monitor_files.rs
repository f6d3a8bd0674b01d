//! `revere export` and `revere apply`: monitors as files, there and back.

use std::{collections::BTreeMap, fs, path::Path};

use revere_model::Role;
use serde_json::{Value, json};

use super::{Said, Shell, server::Server};
use crate::{
    access::{Visitor, person},
    api,
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
    let shell = Shell::new();
    let first = shell.serve(&[]);
    let description = "Orders are paid.\n\n///\nSee https://wiki/\"orders\" \u{1f600}\t\\n";
    for monitor in [
        json!({"name": "Orders", "schedule": "*/5 * * * *", "script": "return_value = 1", "description": description,
            "tags": ["shop", "été"], "timezone": "Europe/Berlin", "alarm_after": 3, "timeout_s": 2.5, "retain_days": null}),
        json!({"name": "Orders / paid?", "schedule": "0 0 1 1 *", "script": "# /// revere\nif 1:\n\tx = 1\r\n", "active": false}),
        json!({"name": "orders: paid", "schedule": "0 0 1 1 *", "script": "x = '\u{feff}日本'\n\n\n"}),
        json!({"name": "'\"\"\"' \\", "schedule": "0 0 1 1 *", "script": "x = 1\n", "retain_days": 3}),
    ] {
        let (status, answer) = first.post("/api/v1/monitors", &monitor).await;
        assert_eq!(status, 201, "{answer:#}");
    }
    let said = shell.at(&first, "export one").exits(0);
    assert!(said.stdout.contains("4 monitors in one: 4 written, 0 as they were."), "{}", said.stdout);
    let files = shell.files("one");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["monitor.py", "orders-paid-2.py", "orders-paid.py", "orders.py"]);
    assert!(files["orders.py"].starts_with("# /// revere\n# name = \"Orders\"\n"), "{}", files["orders.py"]);

    let other = Shell::new();
    let second = other.serve(&[]);
    let folder = shell.path("one").display().to_string();
    let said = other.at(&second, &format!("apply {folder} --note first")).exits(0);
    assert_eq!(said.stdout, "4 created, 0 changed, 0 deleted; 0 as the files have them.\n");
    other.at(&second, "export two").exits(0);
    assert_eq!(other.files("two"), files);
    let orders = monitors(&second).await.into_iter().find(|monitor| monitor["name"] == "Orders").unwrap();
    assert_eq!((&orders["description"], &orders["retain_days"]), (&json!(description), &Value::Null));
    let versions = second.json(&format!("/api/v1/monitors/{}/versions", orders["id"])).await;
    assert_eq!(versions["items"][0]["note"], "first", "{versions:#}");
    let said = other.at(&second, &format!("apply {folder}")).exits(0);
    assert_eq!(said.stdout, "0 created, 0 changed, 0 deleted; 4 as the files have them.\n");
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

    let said = shell.at(&server, "apply files --tag shop").exits(0);
    let words = "1 created, 1 changed, 0 deleted; 0 as the files have them.\nIn no file (--prune deletes them): 1 monitor\n  Gone\n";
    assert_eq!(said.stdout, words);
    shell.at(&server, "apply files --tag shop --prune").exits(0);
    let names: Vec<Value> = monitors(&server).await.iter().map(|monitor| monitor["name"].clone()).collect();
    assert_eq!(names, ["Kept", "Others", "New"], "one without the tag is not looked at");
    // A pause by hand outlives the next apply, for the file says nothing of it.
    assert_eq!(server.json("/api/v1/deleted-monitors").await["items"][0]["name"], "Gone");

    // The place of a file that is there is kept, and what is gone goes where that is asked for.
    shell.write("files/old.py", "# /// revere\n# name = \"Old\"\n# schedule = \"0 0 1 1 *\"\n# ///\nx = 1\n");
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
    let said = shell.at(&server, "apply files").exits(1).stderr;
    for part in [
        "files/a.py:4: alarm_after: expected a whole number from 1 to 1000",
        "files/b.py:3: unknown setting 'shedule'; did you mean 'schedule'?",
        "files/c.py:3: schedule: ",
        "files/d.py:2: is named 'a' as files/a.py is",
        "Nothing was changed",
    ] {
        assert!(said.contains(part), "{part}: {said}");
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
    assert!(said.contains("two monitors named 'a', 1 and 2; rename one"), "{said}");
    shell.write("empty/x.txt", "");
    assert!(shell.at(&server, "apply empty").exits(1).stderr.contains("has no monitors"));
    assert!(shell.run("apply files --server ftp://x").exits(1).stderr.contains("expected http://host:port/"));
    server.stop();
    assert!(shell.run("export files --server http://127.0.0.1:1/").exits(1).stderr.contains("127.0.0.1:1"));
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
    let said = super::said(shell.revere().args(apply.split(' ')).env("REVERE_TOKEN", &editor)).exits(1).stderr;
    assert!(said.contains("files/a.py: ") && said.contains("0 created, 0 changed"), "{said}");
}

#[tokio::test]
async fn a_thousand_monitors_are_applied_within_ten_seconds() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    for number in 0..1000 {
        let head = format!("# /// revere\n# name = \"m{number}\"\n# schedule = \"0 0 1 1 *\"\n# ///\n");
        shell.write(&format!("files/m{number}.py"), &format!("{head}return_value = {number}\n"));
    }
    let began = std::time::Instant::now();
    let said = shell.at(&server, "apply files").exits(0);
    let took = began.elapsed();
    assert_eq!(said.stdout, "1000 created, 0 changed, 0 deleted; 0 as the files have them.\n");
    println!("1,000 monitors applied in {took:?}");
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
    server.stop();
}
