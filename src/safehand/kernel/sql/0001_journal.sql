-- The journal, what is kept beside it in the same transaction, and the vault. City first in every key.
-- No text column holds personal data: persons are in vault_record, sealed under the key of their subject.

create table stream (
    city integer not null,
    stream text collate "C" not null,
    kind text not null,
    version integer not null check (version > 0),
    head bytea not null,
    state text not null,
    units text not null,
    primary key (city, stream)
) with (fillfactor = 70);

create table event (
    city integer not null,
    stream text collate "C" not null,
    version integer not null check (version > 0),
    kind text not null,
    at timestamptz not null,
    actor text not null,
    body text not null,
    hash bytea not null,
    -- which transaction wrote it: a checkpoint takes what no open transaction can still add to
    written_by xid8 not null default pg_current_xact_id(),
    primary key (city, stream, version)
);

create index event_by_transaction on event (written_by);

create table work (
    city integer not null,
    stream text collate "C" not null,
    queue text not null,
    narrowed text not null,
    since timestamptz not null,
    due_at timestamptz,
    owner text,
    primary key (city, stream, queue),
    constraint waiting_has_a_clock_or_an_owner check (due_at is not null or owner is not null)
) with (fillfactor = 80);

create index work_by_queue on work (queue, since, city);

create index work_by_clock on work (due_at) where due_at is not null;

create table claim (
    name text collate "C" primary key,
    city integer not null,
    stream text collate "C" not null
);

create table unit (
    city integer not null,
    unit text collate "C" not null,
    stream text collate "C" not null,
    account text not null,
    pending text,
    since timestamptz not null,
    primary key (city, unit)
) with (fillfactor = 70);

create index unit_by_account on unit (city, account);

create table move (
    city integer not null,
    unit text collate "C" not null,
    giver text not null,
    taker text not null,
    phase text not null check (phase in ('opened', 'offered', 'accepted', 'refused', 'moved')),
    at timestamptz not null,
    stream text collate "C" not null,
    version integer not null,
    primary key (city, unit, stream, version, phase)
);

create index move_by_time on move (at);

create table answer (
    key text collate "C" primary key,
    request_hash bytea not null,
    city integer not null,
    stream text collate "C" not null,
    answer text not null,
    at timestamptz not null
);

create table notice (
    number bigint generated always as identity primary key,
    city integer not null,
    subject text not null,
    template text not null,
    facts text not null,
    at timestamptz not null,
    sent_at timestamptz,
    -- A sender takes a notice for a while (retry_at) before it speaks to a gateway: a second sender passes it by, and
    -- after a kill it comes up again. What can never be sent keeps the code of the reason.
    attempts integer not null default 0,
    retry_at timestamptz,
    failed text
) with (fillfactor = 80);

create index notice_unsent on notice (number) where sent_at is null and failed is null;

-- Counts are written as changes and rolled up afterwards: one hot row would cost most of the write throughput.
create table tally_change (
    number bigint generated always as identity primary key,
    city integer not null,
    name text not null,
    delta integer not null
);

create table tally (
    city integer not null,
    name text not null,
    count bigint not null,
    primary key (city, name)
);

create table vault_record (
    city integer not null,
    subject text collate "C" not null,
    name text not null,
    sealed bytea not null,
    primary key (city, subject, name)
);

create table blind_index (
    purpose text not null,
    digest bytea not null,
    city integer not null,
    subject text collate "C" not null,
    primary key (purpose, digest, city, subject)
);

-- Insert only. What the other house counter-signed is in link_received, as it came.
create table checkpoint (
    city integer not null,
    number integer not null check (number > 0),
    events integer not null,
    root bytea not null,
    hash bytea not null,
    upto xid8 not null,
    at timestamptz not null,
    primary key (city, number)
);

-- The job asks each minute up to where all is covered.
create index checkpoint_by_end on checkpoint (upto);

-- Case keys have a schema of their own: their back-ups and their retention are kept apart from the data's.
create schema keys;

create table keys.case_key (
    city integer not null,
    subject text collate "C" not null,
    wrapped bytea not null,
    primary key (city, subject)
);

create table session (
    digest bytea primary key,
    body text not null,
    expires_at timestamptz not null
);

create index session_by_end on session (expires_at);
