-- Who may come in, and how. Nothing in here lets anybody in who reads it: passwords are hashed slowly, ids of sessions,
-- tokens and links are 32 random bytes of which the SHA-256 is kept. Only the keys of second factors have to be kept as they
-- are.

create table users (
    id integer primary key autoincrement,
    name text not null,
    -- The name as it is compared: in lower case.
    name_key text not null unique,
    role text not null check (role in ('viewer', 'editor', 'administrator')),
    -- For an editor: the tags whose monitors they edit, as a JSON list; all monitors where it is empty.
    tags text not null,
    -- Null where they do not come by a password.
    password_hash text,
    -- The key of the second factor, and one that was shown and not yet confirmed by a code.
    totp_key text,
    totp_offered text,
    -- The last step of 30 seconds whose code was taken: a code is taken once.
    totp_step integer,
    -- Who they are to the provider that they come from, if they come from one: never their address.
    issuer text,
    subject text,
    created_at integer not null,
    logged_in_at integer,
    disabled_at integer,
    unique (issuer, subject)
) strict;

-- What is left of a second factor when the phone is lost: each is good once.
create table recovery_codes (
    code_hash text primary key,
    user_id integer not null references users (id)
) strict, without rowid;
create index recovery_codes_user on recovery_codes (user_id);

create table sessions (
    id integer primary key autoincrement,
    secret_hash text not null unique,
    user_id integer not null references users (id),
    -- How they came in: `password`, `link`, or the name of another way.
    method text not null,
    address text not null,
    user_agent text not null,
    created_at integer not null,
    -- When they last showed who they are, which what matters most asks for anew.
    proved_at integer not null,
    seen_at integer not null,
    ends_at integer not null
) strict;
create index sessions_user on sessions (user_id);
create index sessions_end on sessions (ends_at);

create table api_tokens (
    id integer primary key autoincrement,
    secret_hash text not null unique,
    user_id integer not null references users (id),
    name text not null,
    role text not null check (role in ('viewer', 'editor', 'administrator')),
    tags text not null,
    -- Null for all that the role may.
    scope text,
    created_at integer not null,
    ends_at integer,
    used_at integer,
    used_from text
) strict;
create index api_tokens_user on api_tokens (user_id);

-- Links that are good once: to be the first administrator, or for a person to choose a password.
create table one_time_links (
    secret_hash text primary key,
    -- Null for the first administrator.
    user_id integer references users (id),
    created_at integer not null,
    ends_at integer not null
) strict, without rowid;

-- Failed log-ins in a row under a name, whether anybody has it or not, as a hash.
create table login_failures (
    name_hash text primary key,
    count integer not null,
    -- Until then nobody is let in under that name, but from an address that it was used from before.
    wait_until integer not null,
    failed_at integer not null
) strict, without rowid;
create index login_failures_time on login_failures (failed_at);

-- From where each person came in, so that whoever guesses their password does not lock them out.
create table login_addresses (
    user_id integer not null references users (id),
    address text not null,
    seen_at integer not null,
    primary key (user_id, address)
) strict, without rowid;
