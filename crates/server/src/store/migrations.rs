//! The steps that make the schema, for both engines under the same names. Released ones are never edited.

macro_rules! steps {
    (before_postgresql { $($before:literal)* } of_both { $($number:literal $name:literal)* }) => {
        /// SQLite's, in order. The schema's number is how many of them a file has seen.
        pub(in crate::store) const OF_SQLITE: &[&str] = &[
            $(include_str!(concat!("../../migrations/sqlite/", $before, ".sql")),)*
            $(include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),)*
        ];

        /// PostgreSQL's, with their numbers, in order. The first makes what SQLite's steps up to that number made.
        pub(in crate::store) const OF_POSTGRESQL: &[(i64, &str)] =
            &[$(($number, include_str!(concat!("../../migrations/postgres/", $name, ".sql"))),)*];
    };
}

steps! {
    before_postgresql {
        "0001_start"
        "0002_runs_by_time"
        "0003_runs_series"
        "0004_uses"
        "0005_deliveries_by_status"
        "0006_run_inputs"
        "0007_several_writers"
        "0008_incidents"
        "0009_people"
        "0010_audit"
        "0011_monitor_versions"
    }
    of_both {
        12 "0012_put_out"
        13 "0013_decisions"
        14 "0014_severity"
        15 "0015_routing"
        16 "0016_units"
        17 "0017_name_order"
        18 "0018_mutes"
        19 "0019_acknowledgements"
        20 "0020_reminders"
        21 "0021_commits"
        22 "0022_deliveries_sent"
        23 "0023_repeats"
        24 "0024_on_call"
        25 "0025_runs_a_minute"
        26 "0026_forms"
        27 "0027_threshold"
        28 "0028_saved_filters"
        29 "0029_deliveries_held"
        30 "0030_on_call_calendars"
        31 "0031_alarm_window"
        32 "0032_references"
        33 "0033_browsers"
        34 "0034_source_outages"
        35 "0035_outages_by_default"
        36 "0036_partitions"
        37 "0037_dues"
        38 "0038_chart_index"
    }
}
