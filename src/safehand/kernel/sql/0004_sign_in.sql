-- Sign-ins under way and proven identities, so that any process of the house can answer a visitor's next request.
-- Both are sealed under a key that is made of the house's secret and the visitor's token, which no table holds.

alter table session add column identity bytea;

create table sign_in_under_way (
    digest bytea primary key,
    sealed bytea not null,
    expires_at timestamptz not null
);

create index sign_in_under_way_by_end on sign_in_under_way (expires_at);
