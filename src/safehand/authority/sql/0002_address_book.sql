-- Addresses that a person keeps for the next application. They are one record of vault_record, sealed under a key of the
-- book's own; the subject is a keyed digest of who keeps it. In the clear stands only when the longest unused one was used.
create table address_book (
    subject text collate "C" primary key,
    version integer not null check (version > 0),
    oldest_at timestamptz not null
);

-- What was not used for two years is swept.
create index address_book_by_time on address_book (oldest_at);
