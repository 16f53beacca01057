-- Messages between houses: what this house says (outbox, then numbered log) and what it has heard.

create table link_outbox (
    id bigint generated always as identity primary key,
    peer text not null,
    city integer not null,
    kind integer not null,
    subject text not null,
    body text not null,
    personal text,
    at timestamptz not null
);

create table link_sent (
    peer text not null,
    city integer not null,
    number bigint not null check (number > 0),
    kind integer not null,
    subject text not null,
    body text not null,
    personal bytea,
    hash bytea not null,
    at timestamptz not null,
    primary key (peer, city, number)
);

create table link_head (
    peer text not null,
    city integer not null,
    number bigint not null,
    hash bytea not null,
    acknowledged bigint not null default 0,
    primary key (peer, city)
) with (fillfactor = 50);

create index link_behind on link_head (peer) where acknowledged < number;

create table link_position (
    peer text not null,
    city integer not null,
    position bigint not null,
    head bytea not null,
    primary key (peer, city)
) with (fillfactor = 50);

-- Evidence. Of a personal part only its SHA-256 stays (the chain covers no more), so that a person can be erased.
create table link_received (
    peer text not null,
    city integer not null,
    number bigint not null,
    kind integer not null,
    subject text not null,
    body text not null,
    part_digest bytea,
    hash bytea not null,
    at timestamptz not null,
    primary key (peer, city, number)
);

create table link_run_received (
    peer text not null,
    city integer not null,
    first bigint not null,
    last bigint not null,
    previous bytea not null,
    head bytea not null,
    key_id text not null,
    signature bytea not null,
    at timestamptz not null,
    primary key (peer, city, last)
);

create table link_parked (
    peer text not null,
    city integer not null,
    number bigint not null,
    kind integer not null,
    subject text not null,
    reason text not null,
    owner text not null default 'operator',
    at timestamptz not null,
    resolved_at timestamptz,
    -- The sealed part, for the owner to apply it after all; emptied when the case is resolved.
    personal bytea,
    primary key (peer, city, number)
);

create index link_parked_open on link_parked (at) where resolved_at is null;
