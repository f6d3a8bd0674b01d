//! `revere user`: who may come in, from the shell. Works while the server runs; whoever is disabled is out at once.

use std::io::Read as _;

use anyhow::Context;
use clap::Subcommand;
use revere_model::{Asked, Clock, Role, SystemClock};

use super::{Exit, Global, startup::Begun, terminal};
use crate::{
    access::{Passwords, password_fault, secrets::Secret},
    config::Config,
    operations::{
        people::{self, FirstPassword, PersonInput},
        tokens::delete_all_of,
    },
    store::{Lookup, Store, StoreOptions, User, UserChange},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere user add alice --role administrator     Prints a link for a password
  revere user add bob --role editor --tags shop,mail
  pass show revere | revere user add carol --role viewer --password-stdin
  revere user list
  revere user disable bob                        Out at once, tokens as well
  revere user enable bob
  revere user role bob administrator             From now on
  revere user role bob editor --tags shop
  revere user rename bob robert
  revere user reset bob                          Prints a link for another one
  revere user reset bob --second-factor          His phone is lost
  revere user reset bob --tokens                 Somebody else was in

People are asked to log in where config.py says so: LOCAL_USERS = True, GOOGLE_APPS_DOMAIN or OIDC_ISSUER. The server may \
be running.

Exit codes:
  0 it is done, 1 it is not, and says why";

#[derive(clap::Args, Debug)]
pub(super) struct UserCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// Add a person
    Add {
        /// What they are called, and log in by
        name: String,
        /// What they are
        #[arg(long, default_value = "viewer")]
        role: String,
        /// For an editor: only monitors with one of these tags, separated by commas
        #[arg(long, value_delimiter = ',')]
        tags: Vec<String>,
        /// Read the password from standard input, in the place of a link
        #[arg(long)]
        password_stdin: bool,
    },
    /// Show who there is
    List,
    /// Let a person come in no more
    Disable {
        /// What they are called
        name: String,
    },
    /// Let a person come in again
    Enable {
        /// What they are called
        name: String,
    },
    /// Give a person another role
    Role {
        /// What they are called
        name: String,
        /// What they are from now on
        role: String,
        /// For an editor: only monitors with one of these tags, separated by commas
        #[arg(long, value_delimiter = ',')]
        tags: Vec<String>,
    },
    /// Give a person another name
    Rename {
        /// What they are called
        name: String,
        /// What they are called from now on
        new_name: String,
    },
    /// Give a person another password
    Reset {
        /// What they are called
        name: String,
        /// Read the password from standard input, in the place of a link
        #[arg(long)]
        password_stdin: bool,
        /// Take the second factor away, too
        #[arg(long)]
        second_factor: bool,
        /// Delete the API tokens, too: they go on otherwise
        #[arg(long)]
        tokens: bool,
    },
}

impl UserCommand {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let begun = Begun::new(global)?;
        let config = begun.configuration(global)?;
        begun.runtime.block_on(async {
            let mut options = StoreOptions::new(config.database.clone());
            options.beside_a_server = true;
            options.alone = false;
            // Somebody may be added before the first start; nobody is there to be shown or changed then.
            options.must_exist = !matches!(self.act, Act::Add { .. });
            options.ways_in = config.log_in.ways_in();
            options.secrets = begun.secrets.clone();
            options.audit_is_logged = config.audit_log.is_some();
            let store = Store::open(options).await?;
            let done = self.act.done(&store, &config, &Asked::at_a_shell(SystemClock.now())).await;
            store.close().await;
            done
        })?;
        if !config.log_in.is_required() {
            terminal::note(
                "Nobody is asked to log in yet: config.py does not say LOCAL_USERS = True, nor names a provider.",
            );
        }
        Ok(Exit::Success)
    }
}

impl Act {
    async fn done(self, store: &Store, config: &Config, asked: &Asked) -> anyhow::Result<()> {
        match self {
            Act::Add { name, role, tags, password_stdin } => {
                refuse_tags(&role, &tags)?;
                people::has_passwords(&config.log_in).map_err(told)?;
                let secret = Secret::new();
                let password = match password_stdin {
                    true => FirstPassword::Kept(password_from_stdin(&name).await?),
                    false => FirstPassword::ByLink(&secret),
                };
                let input = PersonInput { name, role, tags };
                let user = people::create(store, &input, password, asked).await.map_err(told)?;
                terminal::print(&format!("Added {}, {}.\n", user.name, user.role));
                if !password_stdin {
                    print_link(config, &secret);
                }
            }
            Act::List => list(store).await?,
            Act::Disable { name } => switched(store, &name, true, asked).await?,
            Act::Enable { name } => switched(store, &name, false, asked).await?,
            Act::Role { name, role, tags } => {
                refuse_tags(&role, &tags)?;
                let user = find(store, &name).await?;
                let user = people::give_role(store, user.id, &role, tags, asked).await.map_err(told)?;
                terminal::print(&format!("{} is {}{} now.\n", user.name, user.role, of_tags(&user)));
            }
            Act::Rename { name, new_name } => {
                let user = find(store, &name).await?;
                let renamed = people::rename(store, user.id, &new_name, asked).await.map_err(told)?;
                terminal::print(&format!("{} is called {renamed} now.\n", user.name));
            }
            Act::Reset { name, password_stdin, second_factor, tokens } => {
                let user = find(store, &name).await?;
                let alone = tokens && !second_factor && !password_stdin;
                let remedy = format!("`revere user enable {name}` first, or take the tokens alone: --tokens");
                let password = people::has_own_password(&user).and_then(|()| people::is_enabled(&user, &remedy));
                if alone && password.is_err() {
                    // Whoever has no password, or may not come in, gets no link with it.
                    return delete_tokens(store, &user, asked).await;
                }
                password.map_err(told)?;
                people::has_passwords(&config.log_in).map_err(told)?;
                if second_factor {
                    people::take_second_factor(store, user.id, asked).await.map_err(told)?;
                    terminal::print(&format!("{} has no second factor any more.\n", user.name));
                }
                if tokens {
                    delete_tokens(store, &user, asked).await?;
                }
                if password_stdin {
                    let kept = password_from_stdin(&user.name).await?;
                    people::give_password(store, user.id, kept, asked).await.map_err(told)?;
                    terminal::print(&format!("{} has another password. All sessions are over.\n", user.name));
                } else {
                    let secret = people::new_link(store, user.id, asked).await.map_err(told)?;
                    print_link(config, &secret);
                }
            }
        }
        Ok(())
    }
}

/// Tags say which monitors an editor edits; nobody else has them.
fn refuse_tags(role: &str, tags: &[String]) -> anyhow::Result<()> {
    if !tags.is_empty() && tags.iter().all(|tag| tag.trim().is_empty()) {
        // Nobody who types it means all monitors.
        anyhow::bail!("--tags names no tag; leave it out for an editor of all monitors, or name one: --tags shop");
    }
    if !tags.is_empty() && !role.eq_ignore_ascii_case(Role::Editor.as_str()) {
        anyhow::bail!(
            "--tags: only an editor has tags, whose monitors they edit; leave --tags out, or say --role editor"
        );
    }
    Ok(())
}

async fn switched(store: &Store, name: &str, disabled: bool, asked: &Asked) -> anyhow::Result<()> {
    let user = find(store, name).await?;
    let change = UserChange { disabled: Some(disabled), ..UserChange::default() };
    let user = people::change_one(store, user.id, change, asked).await.map_err(told)?;
    let word = if disabled { "disabled: sessions are over, tokens good for nothing" } else { "enabled" };
    terminal::print(&format!("{} is {word}.\n", user.name));
    Ok(())
}

async fn list(store: &Store) -> anyhow::Result<()> {
    const PIECE: u32 = 500;
    let mut after = String::new();
    loop {
        let users = store.users(&after, PIECE).await?;
        if users.is_empty() && after.is_empty() {
            terminal::note("There is nobody yet; `revere user add NAME` adds somebody.");
        }
        for user in &users {
            let User { name, role, .. } = user;
            let tags = of_tags(user);
            let from = user.identity.as_ref().map_or(String::new(), |(issuer, _)| format!(", from {issuer}"));
            let seen = user.logged_in_at.map_or("never came in".to_owned(), |at| format!("came in {at:.0}"));
            let factor = if user.totp_key.is_some() { ", second factor" } else { "" };
            let off = match (user.disabled_at, user.put_out_at) {
                (Some(_), _) => ", disabled",
                (None, Some(_)) => ", no role at their provider",
                (None, None) => "",
            };
            terminal::print(&format!("{name}: {role}{tags}, {seen}{from}{factor}{off}\n"));
        }
        match users.last() {
            Some(last) if users.len() == PIECE as usize => after.clone_from(&last.name),
            _ => return Ok(()),
        }
    }
}

/// The tags whose monitors somebody edits, after their role.
fn of_tags(user: &User) -> String {
    match user.role == Role::Editor && !user.tags.is_empty() {
        true => format!(" of {}", user.tags.join(", ")),
        false => String::new(),
    }
}

fn print_link(config: &Config, secret: &Secret) {
    let scheme = if config.tls_files.is_some() { "https" } else { "http" };
    let base = config.base_url.clone().unwrap_or_else(|| format!("{scheme}://127.0.0.1:5000"));
    terminal::print(&format!(
        "Choose the password at {base}/link/{}\nThe link is good once, for 24 hours.\n",
        secret.reveal()
    ));
    if config.base_url.is_none() {
        terminal::note(
            "The address is a guess, a server on this machine at its usual port: put its own host and port in their place, or set BASE_URL in config.py.",
        );
    }
}

async fn delete_tokens(store: &Store, user: &User, asked: &Asked) -> anyhow::Result<()> {
    let deleted = delete_all_of(store, user.id, asked).await.map_err(told)?;
    terminal::print(&format!("{deleted} API tokens of {} are good for nothing any more.\n", user.name));
    Ok(())
}

async fn find(store: &Store, name: &str) -> anyhow::Result<User> {
    let user = store.user(Lookup::Name(name.to_owned())).await?;
    user.with_context(|| format!("nobody is called {name}; `revere user list` shows who there is"))
}

/// The first line of standard input, hashed, if it may be a password.
async fn password_from_stdin(name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text).context("cannot read the password from standard input")?;
    let password = text.lines().next().unwrap_or_default();
    if let Some(fault) = password_fault(password, name) {
        anyhow::bail!("the password {fault}");
    }
    Passwords::default().hash(password).await.map_err(|_| anyhow::anyhow!("the password could not be hashed"))
}

/// A refusal as a sentence.
fn told(failure: crate::operations::Failure) -> anyhow::Error {
    use crate::operations::Failure;
    match failure {
        Failure::Refused(refusal) => {
            let faults: Vec<String> =
                refusal.faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
            anyhow::anyhow!("{}", faults.join("; "))
        }
        Failure::Store(error) => error.into(),
        other => anyhow::anyhow!("{other}"),
    }
}
