//! Real edges that ask the gateway about each request (forward-auth), each with the configuration that `sidgate edge-config`
//! prints. Two of them run with every test; `make test-edges` runs all.

mod confusion;
mod django;
mod events;
mod migration;
mod served;
mod spoofing;
mod stage;

use sidgate_testkit::edge::Edge;

/// A test for each edge.
macro_rules! for_each_edge {
    ($($test:path as $name:ident;)*) => {
        mod nginx {
            use super::*;
            $(#[test] fn $name() { $test(Edge::Nginx); })*
        }
        mod envoy_grpc {
            use super::*;
            $(#[test] fn $name() { $test(Edge::EnvoyGrpc); })*
        }
        mod envoy_http {
            use super::*;
            $(#[test] #[ignore = "make test-edges"] fn $name() { $test(Edge::EnvoyHttp); })*
        }
        mod caddy {
            use super::*;
            $(#[test] #[ignore = "make test-edges"] fn $name() { $test(Edge::Caddy); })*
        }
        mod traefik {
            use super::*;
            $(#[test] #[ignore = "make test-edges"] fn $name() { $test(Edge::Traefik); })*
        }
        mod haproxy {
            use super::*;
            $(#[test] #[ignore = "make test-edges"] fn $name() { $test(Edge::Haproxy); })*
        }
    };
}

for_each_edge! {
    served::the_app_is_told as the_app_is_told;
    served::a_body_arrives_intact as a_body_arrives_intact;
    served::refusals_reach_the_visitor as refusals_reach_the_visitor;
    served::a_sid_is_renewed as a_sid_is_renewed;
    served::websockets as websockets;
    served::nothing_is_known as nothing_is_known;
    served::an_outage_is_told as an_outage_is_told;
    served::endpoints_are_reached as endpoints_are_reached;
    events::an_app_logs_in_and_out as an_app_logs_in_and_out;
    django::djangos_own_form as djangos_own_form;
    migration::eighteen_cookies_become_one as eighteen_cookies_become_one;
    spoofing::headers_of_category_a as headers_of_category_a;
    spoofing::cookies_of_category_b as cookies_of_category_b;
    spoofing::people_of_other_gateways as people_of_other_gateways;
    spoofing::handshakes_over_h2 as handshakes_over_h2;
    confusion::targets_of_category_d as targets_of_category_d;
    confusion::descriptions_of_the_client as descriptions_of_the_client;
    confusion::other_upgrades as other_upgrades;
    confusion::many_fields as many_fields;
    confusion::calls_of_grpc as calls_of_grpc;
}
