//! A Django site with allauth and a second factor, behind a gateway.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use toml::Table;

use sidgate_testkit::Gateway;
use sidgate_testkit::config::Ports;
use sidgate_testkit::django::python;
use sidgate_testkit::gateway::is_open;
use sidgate_testkit::places::{self, repository};
use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};

/// The running site.
pub(super) struct Site {
    // Dropped in this order: nobody asks an app that is gone.
    pub(super) gateway: Gateway,
    _gunicorn: Process,
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Site {
    /// `environment` is the site's; the rest of the gateway's configuration is `config`.
    pub(super) fn start(environment: &[(&'static str, &str)], config: &str) -> Self {
        let port = free_port();
        let base = Box::new(move |ports| base_config(ports, port));
        let gateway = Gateway::configured_by(base).with(config).start();
        let folder = TempDir::new().unwrap();
        let clients = repository().join("clients/django/src");
        let mut all = vec![
            (
                "SIDGATE_UPSTREAM_KEY",
                STANDARD.encode(gateway.upstream_key("django")),
            ),
            ("SITE_DB", text(&folder.path().join("site.db"))),
            ("PYTHONPATH", text(&clients)),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ];
        all.extend(
            environment
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        run(&all, &["prepare"]);
        let gunicorn = start_gunicorn(&all, port, folder.path());
        Self {
            gateway,
            _gunicorn: gunicorn,
            folder,
            environment: all,
        }
    }

    /// The code that the victim's phone shows now.
    pub(super) fn code(&self) -> String {
        run(&self.environment, &["code"]).trim().to_owned()
    }

    /// Every text in every table of the gateway.
    pub(super) fn texts_of_the_store(&self) -> Vec<String> {
        let file = text(&self.gateway.folder().join("sidgate.db"));
        let texts = run(&self.environment, &["texts", &file]);
        serde_json::from_str(&texts).unwrap()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn base_config(ports: Ports, app: u16) -> Table {
    let Ports { public, admin } = ports;
    format!(
        r#"
        [server]
        listen = ["127.0.0.1:{public}"]
        admin_listen = "127.0.0.1:{admin}"
        public_origin = "http://localhost:{public}"
        drain_timeout = "0s"
        [keys]
        master = "file:master.key"
        [store]
        url = "sqlite:sidgate.db"
        [backend]
        upstream = "django"
        [upstreams.django]
        servers = ["127.0.0.1:{app}"]
        [migration]
        mode = "on"
        credentials = ["sessionid"]
        [[routes]]
        path = "/"
        upstream = "django"
        session = "optional"
        [[routes]]
        path = "/old-login"
        upstream = "django"
        session = "none"
        "#
    )
    .parse()
    .unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn in_site<'a>(
    command: &'a mut Command,
    environment: &[(&'static str, String)],
) -> &'a mut Command {
    let home = places::gateway().join("tests/django_login");
    command
        .current_dir(home)
        .envs(environment.iter().map(|(name, value)| (name, value)))
}

fn run(environment: &[(&'static str, String)], arguments: &[&str]) -> String {
    let mut command = Command::new(python());
    let output = in_site(&mut command, environment)
        .arg("login_site.py")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn start_gunicorn(environment: &[(&'static str, String)], port: u16, folder: &Path) -> Process {
    let mut command = guarded(&python());
    in_site(&mut command, environment)
        .args(["-m", "gunicorn", "login_site:application"])
        .args(["--bind", &format!("127.0.0.1:{port}")])
        .args(["--threads", "4", "--graceful-timeout", "1"])
        .args(["--worker-tmp-dir"])
        .arg(folder);
    let mut process = Process::start("gunicorn", &mut command, folder);
    process.wait_until(|| is_open(port));
    process
}
