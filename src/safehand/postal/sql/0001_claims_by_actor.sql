-- no transaction
-- How often somebody claimed a delivery within the last hour is asked before each claim (guessing codes is held back).
create index concurrently if not exists event_claimed_by_actor on event (actor, at)
where kind = 'delivery.claimed';
