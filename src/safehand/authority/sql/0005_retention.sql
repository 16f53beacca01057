-- no transaction
-- Which cases ended longest ago: the job that keeps the retention schedule walks along it. One line for each case that ended.
create index concurrently if not exists event_of_end on event (at, city, stream, version)
where kind in (
    'application.completed', 'application.withdrawn', 'application.deemed_withdrawn', 'application.refused',
    'application.ended_undelivered'
);
