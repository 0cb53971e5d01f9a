//! Envoy: its filter `ext_authz`.

use std::fmt::Write as _;

use super::facts::{App, Facts, apart};
use super::{File, fill};

/// Its file. It asks over HTTP and over gRPC; the rest is the same.
pub(super) fn files(facts: &Facts, is_grpc: bool) -> Vec<File> {
    /// What gRPC needs: HTTP/2 without TLS.
    const HTTP2: &str = "typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: { http2_protocol_options: {} }";
    let (edge, protocol) = if is_grpc {
        ("envoy-grpc", "gRPC")
    } else {
        ("envoy-http", "HTTP")
    };
    let service = if is_grpc {
        include_str!("templates/envoy-grpc.yaml")
    } else {
        include_str!("templates/envoy-http.yaml")
    };
    let service = fill(service, facts, &[]);
    let (public, authz) = (apart(&facts.public), apart(&facts.authz));
    let protocol_of_authz = if is_grpc { HTTP2 } else { "" };
    let further = [
        ("edge", edge.to_owned()),
        ("protocol", protocol.to_owned()),
        ("service", service.trim_end().to_owned()),
        ("authz_protocol", protocol_of_authz.to_owned()),
        ("public_address", public.0),
        ("public_port", public.1),
        ("authz_address", authz.0),
        ("authz_port", authz.1),
        ("locations", locations(facts)),
        ("clusters", clusters(facts)),
    ];
    vec![File {
        name: "envoy.yaml",
        text: fill(include_str!("templates/envoy.yaml"), facts, &further),
    }]
}

fn locations(facts: &Facts) -> String {
    let mut text = String::new();
    for (path, app) in &facts.routes {
        let by = if path == "/" {
            "prefix: /".to_owned()
        } else {
            format!("path_separated_prefix: {path}")
        };
        let _written = writeln!(
            text,
            "- match: {{ {by} }}\n  route: {{ cluster: app_{app}, timeout: 0s, idle_timeout: 60s }}"
        );
    }
    text.trim_end().to_owned()
}

fn clusters(facts: &Facts) -> String {
    let mut text = String::new();
    for App { name, servers } in &facts.apps {
        let _written = write!(
            text,
            "- name: app_{name}\n  type: STRICT_DNS\n  connect_timeout: 2s\n  load_assignment:\n    cluster_name: app_{name}\n    endpoints:\n      - lb_endpoints:\n"
        );
        for server in servers {
            let (address, port) = apart(server);
            let _written = writeln!(
                text,
                "          - endpoint: {{ address: {{ socket_address: {{ address: {address}, port_value: {port} }} }} }}"
            );
        }
    }
    text.trim_end().to_owned()
}
