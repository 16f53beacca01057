-- Sign-ins under way and proven identities, so that any process of the house can answer a visitor's next request.
-- Both are sealed under a key that is made of the house's secret and the visitor's token, which no table holds.

alter table session add column identity bytea;

create table sign_in_under_way (
    digest bytea primary key,
    sealed bytea not null,
    expires_at timestamptz not null
);

create index sign_in_under_way_by_end on sign_in_under_way (expires_at);

-- Failed sign-ins of staff, counted within a window. A name is a keyed digest of a login, an address or both.
create table sign_in_attempt (
    name bytea primary key,
    since timestamptz not null,
    count integer not null check (count >= 0)
) with (fillfactor = 80);

create index sign_in_attempt_by_time on sign_in_attempt (since);

-- From where a login has signed in before.
create table sign_in_known (
    name bytea primary key,
    at timestamptz not null
);

create index sign_in_known_by_time on sign_in_known (at);
