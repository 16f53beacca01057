-- What the witness signed of this house's checkpoints, and who of the staff looked at which case.

-- Insert only: a countersignature can't be taken back.
create table checkpoint_countersigned (
    peer text not null,
    city integer not null,
    number integer not null check (number > 0),
    checkpoint bytea not null,
    signature bytea not null,
    key_id text not null,
    at timestamptz not null,
    primary key (peer, city, number)
);

-- Insert only: the applicant may ask who looked at the file. No person's name: actors are staff references.
create table read_log (
    city integer not null,
    stream text collate "C" not null,
    actor text not null,
    what text not null,
    at timestamptz not null
);

create index read_log_by_stream on read_log (city, stream, at);
