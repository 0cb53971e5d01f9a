//! How apps are spoken to: TLS, HTTP/2, and what of it goes together.

use super::contradictions::{accepted, refused};

const UNDER_TLS: (&str, &str) = (
    "upstreams.django.servers",
    "[\"https://app.internal:8443\"]",
);

#[test]
fn keys_of_tls_need_a_server_that_speaks_it() {
    let ca = ("upstreams.django.tls.ca", "\"cert.pem\"");
    accepted(&[UNDER_TLS, ca]);
    refused(
        &[ca],
        "upstreams.django.tls",
        "only for servers with \"https://\"",
    );
    let pair = [
        ("upstreams.django.tls.client_cert", "\"cert.pem\""),
        ("upstreams.django.tls.client_key", "\"file:key.pem\""),
    ];
    refused(
        &[UNDER_TLS, pair[0]],
        "upstreams.django.tls.client_cert",
        "needs client_key",
    );
    refused(
        &[UNDER_TLS, pair[1]],
        "upstreams.django.tls.client_key",
        "needs client_cert",
    );
}

#[test]
fn a_name_that_no_certificate_can_be_verified_for_needs_another() {
    let server = (
        "upstreams.django.servers",
        "[\"https://my_app.apps.internal:8443\"]",
    );
    refused(&[server], "upstreams.django.servers", "set tls.server_name");
    accepted(&[
        server,
        ("upstreams.django.tls.server_name", "\"app.internal\""),
    ]);
    refused(
        &[
            UNDER_TLS,
            (
                "upstreams.django.tls.server_name",
                "\"my_app.apps.internal\"",
            ),
        ],
        "upstreams.django.servers",
        "no certificate can be verified for the name \"my_app.apps.internal\"",
    );
}

#[test]
fn keys_of_http2_need_it() {
    let h2 = ("upstreams.django.protocol", "\"h2\"");
    for key in [
        ("upstreams.django.max_streams", "5"),
        ("upstreams.django.ping_interval", "\"10s\""),
    ] {
        accepted(&[h2, key]);
        refused(&[key], key.0, "only with protocol = \"h2\"");
    }
}

#[test]
fn only_an_app_under_tls_can_go_without_being_verified() {
    let key = "insecure.unverified_upstreams";
    accepted(&[UNDER_TLS, (key, "[\"django\"]")]);
    refused(&[(key, "[\"django\"]")], key, "has \"https://\"");
    refused(
        &[UNDER_TLS, (key, "[\"djang\"]")],
        key,
        "did you mean \"django\"?",
    );
}
