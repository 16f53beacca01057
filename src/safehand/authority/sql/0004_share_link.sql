-- Links by which an applicant lets others see how an application stands. A link's token is in no column: it is made of the house's
-- secret and the salt, and looked up by its keyed digest. Revoking deletes the row.
create table share_link (
    city integer not null,
    subject text collate "C" not null,
    number integer not null check (number > 0),
    salt bytea not null,
    digest bytea not null unique,
    made_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (city, subject, number)
);

-- What is over is swept.
create index share_link_by_time on share_link (expires_at);
