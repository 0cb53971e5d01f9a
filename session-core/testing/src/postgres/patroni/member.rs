//! One server and its Patroni.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::settings::{self, PatroniSettings, Place};
use super::{Wire, give, private_folder};
use crate::authority::Issued;
use crate::postgres::{as_server_user, server_programs, server_user};
use crate::process::{detached, free_port, program};

/// How long Patroni may take to say something.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) port: u16,
    home: PathBuf,
    /// Of Patroni itself.
    rest: u16,
    patroni: Option<Child>,
    /// Whether its folder is a disk of its own.
    has_disk: bool,
}

impl Member {
    pub(super) fn new(
        cluster: &Path,
        number: usize,
        settings: &PatroniSettings,
        shown: &Issued,
        etcd: u16,
        line: &mut impl FnMut(Wire, u16) -> u16,
    ) -> Self {
        let name = format!("member{number}");
        let home = cluster.join(&name);
        private_folder(&home);
        if let Some(size) = settings.disk {
            mount(&home, size);
        }
        let (port, rest) = (free_port(), free_port());
        let this = Self {
            name,
            port,
            home,
            rest,
            patroni: None,
            has_disk: settings.disk.is_some(),
        };
        for (from, to) in [(&shown.cert, "server.pem"), (&shown.key, "server.key")] {
            let copy = this.home.join(to);
            fs::copy(from, &copy).expect("the file can be copied");
            give(&copy, 0o600);
        }
        let programs = program("initdb", &server_programs());
        let place = Place {
            name: &this.name,
            home: &this.home,
            programs: programs.parent().expect("a folder of programs"),
            postgres: (port, line(Wire::Postgres(number), port)),
            patroni: (rest, line(Wire::Patroni(number), rest)),
            etcd,
        };
        let config = settings::of(&place, settings).to_string();
        fs::write(this.config(), config).expect("the configuration can be written");
        give(&this.config(), 0o600);
        this
    }

    pub(super) fn config(&self) -> PathBuf {
        self.home.join("patroni.yml")
    }

    pub(super) fn start(&mut self) {
        self.kill_patroni();
        let mut log = File::options();
        // Beside its disk, which may be full.
        let log = log.create(true).append(true);
        let log = log.open(self.home.with_extension("log"));
        let mut command = as_server_user(&program("patroni", &[]));
        command.arg(self.config()).current_dir(&self.home);
        let patroni = detached(&mut command)
            .stderr(log.expect("a log can be written"))
            .spawn()
            .expect("patroni is installed");
        let file = self.home.join("patroni.pid");
        fs::write(file, patroni.id().to_string()).expect("the number can be written");
        self.patroni = Some(patroni);
    }

    pub(super) fn kill_patroni(&mut self) {
        if let Some(mut patroni) = self.patroni.take() {
            // It may have ended by itself.
            let _ = patroni.kill();
            let _ = patroni.wait();
        }
    }

    pub(super) fn kill_postgres(&self) {
        self.signal_postgres(Signal::KILL);
    }

    pub(super) fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    pub(super) fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        if let Some(patroni) = &self.patroni {
            kill_process(Pid::from_child(patroni), signal).expect("Patroni can be signalled");
        }
        self.signal_postgres(signal);
    }

    /// Signals the server and every process of it.
    fn signal_postgres(&self, signal: Signal) {
        let Ok(file) = fs::read_to_string(self.home.join("data/postmaster.pid")) else {
            return;
        };
        let Some(server) = file.lines().next() else {
            return;
        };
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
        let children = children.unwrap_or_default();
        for pid in std::iter::once(server).chain(children.split_whitespace()) {
            if let Some(pid) = pid.parse().ok().and_then(Pid::from_raw) {
                // It may have ended in between.
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Whether Patroni answers a health check with `200`.
    pub(super) fn says(&self, path: &str) -> bool {
        let ask = || {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.rest));
            let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
            let mut head = [0; 12];
            socket.read_exact(&mut head)?;
            Ok::<_, std::io::Error>(head.ends_with(b" 200"))
        };
        ask().unwrap_or(false)
    }

    fn ballast(&self) -> PathBuf {
        self.home.join("ballast")
    }

    pub(super) fn fill_disk(&self) {
        assert!(self.has_disk, "a disk of its own");
        let mut file = File::create(self.ballast()).expect("a file can be made");
        for block in [1 << 16, 1 << 12, 1] {
            let block = vec![0; block];
            while file.write_all(&block).is_ok() {}
        }
    }

    pub(super) fn free_disk(&self) {
        fs::remove_file(self.ballast()).expect("the file can be removed");
    }

    /// Ends everything, also what is frozen.
    pub(super) fn end(&mut self) {
        self.kill_patroni();
        self.signal_postgres(Signal::CONT);
        let mut stop = as_server_user(&program("pg_ctl", &server_programs()));
        stop.args(["stop", "-m", "immediate", "-w", "-D"]);
        stop.arg(self.home.join("data")).current_dir("/");
        let _ = detached(&mut stop).status();
        self.kill_postgres();
        if self.has_disk {
            let _ = detached(Command::new("umount").arg("-l").arg(&self.home)).status();
        }
    }
}

fn mount(folder: &Path, size: u32) {
    let (uid, gid) = server_user().expect("root mounts");
    let options = format!("size={size}m,mode=0700,uid={uid},gid={gid}");
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", &options, "tmpfs"]);
    let done = detached(command.arg(folder)).status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "a disk can be mounted"
    );
}
