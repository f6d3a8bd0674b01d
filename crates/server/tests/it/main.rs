//! Every test that goes through the front door, in one binary: each further one would link the sandbox again.

mod api;
