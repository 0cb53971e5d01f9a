//! Whether the app fails to answer everybody, or one client alone.

use std::net::IpAddr;

use parking_lot::Mutex;

use sidgate_policy::edge::client_ip::limit_key;

/// The client whose question was the last without an answer.
#[derive(Debug, Default)]
pub(in crate::legacy) struct Doubts(Mutex<Option<IpAddr>>);

impl Doubts {
    /// Whether the last question without an answer was another client's. A single client may have a value that makes
    /// the app hang, and must not stop the migration of the others.
    pub(in crate::legacy) fn are_shared(&self, client: IpAddr) -> bool {
        let client = limit_key(client);
        self.0
            .lock()
            .replace(client)
            .is_some_and(|last| last != client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_alone_casts_no_doubt_on_the_app() {
        let doubts = Doubts::default();
        let one = IpAddr::from([192, 0, 2, 1]);
        let other = IpAddr::from([192, 0, 2, 2]);
        assert!(!doubts.are_shared(one));
        assert!(!doubts.are_shared(one));
        assert!(doubts.are_shared(other));
        assert!(doubts.are_shared(one));
        let near: [IpAddr; 2] = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        assert!(doubts.are_shared(near[0]));
        assert!(!doubts.are_shared(near[1]), "one network is one client");
    }
}
