-- What became of each notice on each way, what applicants chose, and which deadlines they were reminded of. No text, no number,
-- no address and no name: a notice is told from facts and the vault at the moment in which it is sent.

create table message (
    notice bigint not null,
    channel text not null check (channel in ('sms', 'email')),
    city integer not null,
    subject text collate "C" not null,
    -- again: it did not arrive and is sent once more; failed: for good
    state text not null check (state in ('sent', 'delivered', 'again', 'failed')),
    -- a refusal's code, or what the gateway's receipt said
    reason text not null default '',
    sends integer not null check (sends > 0),
    at timestamptz not null,
    primary key (notice, channel)
) with (fillfactor = 80);

create index message_by_case on message (city, subject, channel, notice desc);

-- 1: by SMS, 2: by e-mail, 3: both. Whoever chose nothing has no row.
create table message_choice (
    city integer not null,
    subject text collate "C" not null,
    progress smallint not null check (progress between 0 and 3),
    deadlines smallint not null check (deadlines between 0 and 3),
    delivery smallint not null check (delivery between 0 and 3),
    -- what does not arrive on the chosen way is tried on the other one
    other_way boolean not null,
    at timestamptz not null,
    primary key (city, subject)
);

create table reminder (
    city integer not null,
    subject text collate "C" not null,
    template text not null,
    due_at timestamptz not null,
    days_left smallint not null,
    primary key (city, subject, template, due_at, days_left)
);

-- Up to where the gateway's receipts have been read.
create table receipts_read (
    service text primary key,
    position bigint not null
);
