-- Browsers that asked to be told by an alert (Web Push): where their push service takes messages, and the keys they are sealed by.
create table browsers (
    id integer primary key autoincrement,
    alert_key text not null,
    endpoint text not null unique,
    p256dh text not null,
    auth text not null,
    -- The server's public key that the browser was given: it takes nothing from another one.
    server_key text not null,
    name text not null,
    -- Whose it is; null where nobody logs in.
    user_id integer references users (id),
    -- Who asked: what kind of actor, which one, what they were called then.
    who text not null,
    who_id integer,
    who_name text,
    created_at integer not null,
    told_at integer,
    -- Why it was not told, the last time.
    last_error text
) strict;
create index browsers_alert on browsers (alert_key, id);

-- What a browser alone has not taken, while others did: the last of each topic, which takes the place of what was before.
create table browser_owed (
    browser_id integer not null references browsers (id) on delete cascade,
    topic text not null,
    message text not null,
    created_at integer not null,
    attempts integer not null,
    next_attempt_at integer not null,
    primary key (browser_id, topic)
) strict;
create index browser_owed_due on browser_owed (next_attempt_at);
