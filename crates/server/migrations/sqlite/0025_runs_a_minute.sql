-- PostgreSQL alone has `nodes`: a file has one server.
select 1;
