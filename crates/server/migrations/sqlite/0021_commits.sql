-- PostgreSQL alone has `commits`: a commit to a file is always answered.
select 1;
