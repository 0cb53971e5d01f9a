//! Names of servers, asked of a name server of the test's own.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use sidgate_testkit::Stage;
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::wait::{LONG, until_true};

use super::server;
use crate::causes::lines;

/// What a name server says.
#[derive(Clone, Default)]
struct Zone {
    /// Addresses of `app.test`, and how long they may be believed.
    addresses: Vec<Ipv4Addr>,
    ttl: u32,
    /// SRV records of `_http._tcp.app.test`: priority, weight, port. All lead to `app.test`.
    services: Vec<(u16, u16, u16)>,
}

/// A name server for `app.test` over UDP (RFC 1035).
struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    /// How often it was asked for addresses of IPv4.
    asked: Arc<Mutex<usize>>,
}

impl NameServer {
    fn start(zone: Zone) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let (zone, asked) = (Arc::new(Mutex::new(zone)), Arc::<Mutex<usize>>::default());
        let (said, counted) = (Arc::clone(&zone), Arc::clone(&asked));
        // Ends with the process of the test, which is the test's own.
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                *counted.lock().unwrap() += usize::from(is_about_addresses(&question[..length]));
                let answer = answer(&question[..length], &said.lock().unwrap());
                let _gone = socket.send_to(&answer, from);
            }
        });
        Self {
            address,
            zone,
            asked,
        }
    }

    fn says(&self, change: impl FnOnce(&mut Zone)) {
        change(&mut self.zone.lock().unwrap());
    }
}

const A: u16 = 1;
const SRV: u16 = 33;
const NO_SUCH_NAME: u8 = 3;

/// Where the question ends, and what kind of record it asks for.
fn asked_for(question: &[u8]) -> (usize, u16) {
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    (
        end,
        u16::from_be_bytes([question[end - 4], question[end - 3]]),
    )
}

fn is_about_addresses(question: &[u8]) -> bool {
    asked_for(question).1 == A
}

fn answer(question: &[u8], zone: &Zone) -> Vec<u8> {
    let (end, kind) = asked_for(question);
    let is_service = question[13] == b'_';
    let records: Vec<Vec<u8>> = match kind {
        A if !is_service => zone
            .addresses
            .iter()
            .map(|ip| ip.octets().to_vec())
            .collect(),
        SRV if is_service => {
            let target = b"\x03app\x04test\x00";
            let each = zone.services.iter().map(|(priority, weight, port)| {
                let numbers = [
                    priority.to_be_bytes(),
                    weight.to_be_bytes(),
                    port.to_be_bytes(),
                ];
                [&numbers.concat()[..], target].concat()
            });
            each.collect()
        }
        _ => vec![],
    };
    let is_unknown = zone.addresses.is_empty() && zone.services.is_empty();
    let code = if is_unknown { NO_SUCH_NAME } else { 0 };
    let count = u16::try_from(records.len()).unwrap().to_be_bytes();
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0]);
    answer.extend(&question[12..end]);
    for data in records {
        answer.extend([0xC0, 0x0C]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1]);
        answer.extend(zone.ttl.to_be_bytes());
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    answer
}

fn stage(names: &NameServer, server: &str) -> Stage {
    let servers = format!(
        "[server]\nname_servers = [\"{}\"]\nresolve_every = \"1s\"\n[upstreams.it]\nservers = [\"{server}\"]\n",
        names.address
    );
    Stage::with([
        &servers,
        "[[routes]]\npath = \"/it\"\nupstream = \"it\"\nsession = \"none\"\n",
    ])
}

fn local(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

#[test]
fn a_name_follows_its_name_server_and_keeps_its_last_answer() {
    let app = server("it");
    let names = NameServer::start(Zone {
        ttl: 1,
        ..Zone::default()
    });
    let port = app.address().port();
    let stage = stage(&names, &format!("app.test:{port}"));
    assert_eq!(stage.get("/it").status, 502, "no such name");
    names.says(|zone| zone.addresses = vec![local(1)]);
    until_true("the name to resolve", LONG, || {
        stage.get("/it").status == 200
    });
    let [found] = &lines(&stage, "name resolves again")[..] else {
        panic!("once: {}", stage.output());
    };
    assert_eq!(found["addresses"], 1);

    names.says(|zone| zone.addresses.clear());
    until_true("the name to be lost", LONG, || {
        lines(&stage, "name does not resolve").len() == 2
    });
    let lost = lines(&stage, "name does not resolve").pop().unwrap();
    assert_eq!(lost["kept"], 1);
    let cause = "the name app.test does not resolve (no such name)";
    assert_eq!(lost["cause"], cause);
    assert_eq!(stage.get("/it").status, 200, "the last answer stays");
}

#[test]
fn an_answer_is_believed_for_as_long_as_it_says() {
    let app = server("it");
    let names = NameServer::start(Zone {
        addresses: vec![local(1)],
        ttl: 3_600,
        ..Zone::default()
    });
    let stage = stage(&names, &format!("app.test:{}", app.address().port()));
    assert_eq!(stage.get("/it").status, 200);
    let asked = *names.asked.lock().unwrap();
    thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(*names.asked.lock().unwrap(), asked, "not asked again");
}

#[test]
fn srv_records_name_ports_weights_and_the_first_of_priorities() {
    let (light, heavy, spare) = (server("light"), server("heavy"), server("spare"));
    let port = |server: &RecordingUpstream| server.address().port();
    let names = NameServer::start(Zone {
        addresses: vec![local(1)],
        ttl: 60,
        services: vec![
            (10, 10, port(&light)),
            (10, 30, port(&heavy)),
            (20, 10, port(&spare)),
        ],
    });
    let stage = stage(&names, "srv:_http._tcp.app.test");
    let answers: Vec<String> = (0..40).map(|_| stage.get("/it").text()).collect();
    let share = |name: &str| answers.iter().filter(|answer| *answer == name).count();
    // 33 to 100, because weights are whole numbers.
    assert!((9..=11).contains(&share("light")), "{}", share("light"));
    assert_eq!(share("light") + share("heavy"), 40);
    assert_eq!(share("spare"), 0, "only if the others are gone");
}
