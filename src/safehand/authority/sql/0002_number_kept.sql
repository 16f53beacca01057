-- This number belongs to a migration that is made elsewhere at the same time; that file takes the place of this one.
select 1;
