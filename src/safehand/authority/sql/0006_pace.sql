-- How long applications that have ended stood in each waiting state: counts by day of their end, city, document and length. No case.
create table pace_day (
    city integer not null,
    document text collate "C" not null,
    queue text collate "C" not null,
    day date not null,
    -- the length's place on a scale whose steps grow by 15 % (authority/pace.py)
    bucket smallint not null,
    stays integer not null check (stays > 0),
    primary key (city, document, queue, day, bucket)
);

create index pace_day_by_day on pace_day (day);

-- What pages show of it: the lengths that half and nine of ten of the last 90 days did not exceed.
create table pace (
    city integer not null,
    document text collate "C" not null,
    queue text collate "C" not null,
    stays bigint not null,
    half smallint not null,
    nine_of_ten smallint not null,
    primary key (city, document, queue)
);

-- Up to which event ended applications have been counted, and for which day the pace was made. One row.
create table pace_read (
    one_row boolean primary key default true check (one_row),
    upto xid8 not null,
    city integer not null,
    stream text collate "C" not null,
    version integer not null,
    made_for date not null
);

insert into pace_read (upto, city, stream, version, made_for) values ('0', 0, '', 0, '2000-01-01');
