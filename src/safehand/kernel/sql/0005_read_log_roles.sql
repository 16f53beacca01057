-- As what and for which office somebody looked, at that time: an account may have other roles, or none, when the applicant asks.
-- Empty: written before this was kept, or by a program.
alter table read_log
    add column role text not null default '',
    add column office text not null default '';
