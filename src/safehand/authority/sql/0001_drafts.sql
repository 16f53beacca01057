-- Applications that were begun and not yet sent. What somebody filled in and uploaded is in vault_record, sealed under a
-- key of the draft's own, and goes with it; the subject is a keyed digest of who is applying.
create table draft (
    subject text collate "C" primary key,
    version integer not null check (version > 0),
    touched_at timestamptz not null
);

-- What nobody touched for long is swept.
create index draft_by_time on draft (touched_at);
