//! Sids that are genuine and stand for no session.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use session_core::keys::{Keyring, MasterKey};
use session_core::session::Group;

use super::gateway::Gateway;

/// What `gateway` could have issued and never did; another one for each number.
pub fn sealed_sid(gateway: &Gateway, number: u32) -> String {
    let master = STANDARD.decode(gateway.master().trim()).unwrap();
    let master = MasterKey::from_bytes(master.try_into().unwrap());
    let mut random = *b"twelve bytes";
    random[..4].copy_from_slice(&number.to_be_bytes());
    let (sid, _) = Keyring::new(master, vec![]).mint(random, &Group::default());
    sid.expose().as_str().to_owned()
}
