//! The ways to order the list: worst first, or by a column whose head was clicked.

use super::{
    list_address::Asked,
    list_sort::{COLUMNS, Sort},
};
use crate::store::{OverviewColumn, OverviewOrder};

/// The heads of the columns that the list can be ordered by.
#[derive(Clone, Debug)]
pub(super) struct Headers {
    /// Worst first.
    pub(super) state: Header,
    pub(super) name: Header,
    pub(super) since: Header,
    pub(super) value: Header,
    pub(super) last: Header,
    pub(super) next: Header,
}

/// A head: the way to its order, and which way round the list is now, if it is by this one.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) href: String,
    pub(super) now: Option<&'static str>,
}

impl Headers {
    pub(super) fn of(asked: &Asked) -> Headers {
        let header = |column: OverviewColumn| {
            let most_first = COLUMNS.iter().any(|(by, _, most_first)| *by == column && *most_first);
            let now = asked.sort.map(|sort| sort.0).filter(|order| order.by == column);
            // Another click turns it round.
            let descending = now.map_or(most_first, |order| !order.descending);
            let sort = Some(Sort(OverviewOrder { by: column, descending }));
            let now = now.map(|order| if order.descending { "descending" } else { "ascending" });
            Header { href: Asked { sort, after: None, ..asked.clone() }.address(None), now }
        };
        Headers {
            state: Header {
                href: Asked { sort: None, after: None, ..asked.clone() }.address(None),
                now: asked.sort.is_none().then_some("other"),
            },
            name: header(OverviewColumn::Name),
            since: header(OverviewColumn::Since),
            value: header(OverviewColumn::Value),
            last: header(OverviewColumn::LastRun),
            next: header(OverviewColumn::NextRun),
        }
    }
}

/// An order to choose, where there is no room for heads.
pub(super) struct SortOption {
    pub(super) sort: String,
    pub(super) words: &'static str,
    pub(super) chosen: bool,
}

impl SortOption {
    pub(super) fn all(chosen: Option<Sort>) -> Vec<SortOption> {
        let chosen = chosen.map(|sort| sort.to_string()).unwrap_or_default();
        let option =
            |(sort, words): (&str, &'static str)| SortOption { sort: sort.to_owned(), words, chosen: sort == chosen };
        [
            ("", "Worst first"),
            ("name", "By name"),
            ("-name", "By name, Z first"),
            ("-since", "Changed last"),
            ("since", "Changed first"),
            ("-value", "Largest value"),
            ("value", "Smallest value"),
            ("-last", "Ran last"),
            ("last", "Ran first"),
            ("next", "Runs next"),
            ("-next", "Runs latest"),
        ]
        .map(option)
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_back_and_every_one_can_be_chosen() {
        let mut options = SortOption::all(None).into_iter();
        assert!(options.next().is_some_and(|option| option.chosen));
        let sorts: Vec<Sort> = options.map(|option| option.sort.parse().unwrap()).collect();
        assert_eq!(sorts.len(), 2 * COLUMNS.len());
        for sort in sorts {
            assert_eq!(sort.to_string().parse(), Ok(sort));
        }
        assert_eq!(("rank".parse::<Sort>(), "--name".parse::<Sort>()), (Err(()), Err(())));
    }

    #[test]
    fn a_click_on_a_head_orders_by_it_and_another_turns_it_round() {
        let asked = Asked { after: Some("OK.7".into()), ..Asked::default() };
        let heads = Headers::of(&asked);
        assert_eq!((heads.value.href.as_str(), heads.value.now), ("/?sort=-value", None));
        assert_eq!((heads.state.href.as_str(), heads.state.now), ("/", Some("other")));
        let asked = Asked { sort: Some("-value".parse().unwrap()), ..asked };
        let heads = Headers::of(&asked);
        assert_eq!((heads.value.href.as_str(), heads.value.now), ("/?sort=value", Some("descending")));
        assert_eq!((heads.state.href.as_str(), heads.state.now), ("/", None));
    }
}
