//! What is found out on the way to a decision, for those who tell it.

use sidgate_policy::auth::cors::Cors;
use sidgate_policy::auth::csrf::Allowed;
use sidgate_policy::edge::Passed;
use sidgate_policy::edge::scheme::Scheme;

use super::place::Place;

/// A question that has been answered. In the order in which they are asked.
pub(crate) enum Step<'p> {
    /// A rule of the edge lets the request through.
    Edge(Passed<'p>),
    /// What has come of the body is well formed.
    Body,
    /// What a proxy that we trust says about the visitor's connection.
    Scheme(Option<Scheme>),
    /// Whose the path is.
    Place(Place<'p>),
    /// What pages of other origins may read.
    Cors(&'p Cors),
    /// The request is not one that another site makes a browser send.
    OwnSite(OwnSite),
}

/// Why a request is not refused as one of another site.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OwnSite {
    /// The route leaves that to its app.
    NotChecked,
    /// It changes nothing.
    Safe,
    /// Its origin is on the route's list.
    Listed,
    /// The browser says so, or there is none.
    Checked(Allowed),
}
