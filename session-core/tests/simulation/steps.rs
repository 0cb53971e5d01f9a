//! How each step is taken.

use std::time::Duration;

use serde_json::json;
use session_core::clock::Clock;
use session_core::service::{self, Created, RENEWAL_GRACE, Wait};
use session_core::session::{Group, Identity, IdentityPatch, RevokeReason, SiteName};
use session_core::store::Scope;
use session_testing::sim::{SharedWeather, Weather};
use tokio::time::sleep;

use crate::ambush::Ambush;
use crate::history::Seen;
use crate::node::Node;
use crate::plan::{GROUPS, How, Login, Step, What};
use crate::world::{Known, World};

impl World {
    pub(crate) async fn take(&self, number: usize, step: Step) {
        let at = step.node;
        let node = self.node(at);
        match step.what {
            What::LogIn(login) => self.log_in(number, at, &node, login).await,
            What::Rotate { pick } => self.rotate(number, at, &node, pick).await,
            What::Update { pick } => self.update(number, at, &node, pick).await,
            What::Revoke { pick, how, wait } => {
                self.revoke(number, at, &node, (pick, how, wait)).await;
            }
            What::RevokeBySql { pick, how } => {
                if let Some(scope) = self.scope(pick, how) {
                    self.store.revoke(&scope, RevokeReason::External);
                }
            }
            What::Request { pick, later } => {
                if let Some((session, _)) = self.pick(pick) {
                    self.request(number, at, &node, session, later).await;
                }
            }
            What::Intrude { pick } => {
                if let Some((session, _)) = self.pick(pick) {
                    self.intrude(number, at, &node, session).await;
                }
            }
            What::Ambush {
                pick,
                revoke_after,
                cut_after,
            } => {
                let ambush = Ambush {
                    number,
                    at,
                    revoke_after,
                    cut_after,
                };
                self.ambush(&node, pick, ambush).await;
            }
            What::Renew { pick } => self.renew(number, at, &node, pick).await,
            What::RotateRace {
                pick,
                renew,
                revoke_after,
            } => {
                self.rotate_race(number, at, &node, (pick, renew), revoke_after)
                    .await;
            }
            trouble => self.make_trouble(number, at, &node, trouble).await,
        }
    }

    async fn make_trouble(&self, number: usize, at: usize, node: &Node, what: What) {
        let note = |text: String| self.write_down(number, at, node, Seen::Note(text));
        match what {
            What::FailOver { noise, after } => {
                let doomed = self.store.make_noise(noise);
                sleep(after).await;
                let lost = self.store.fail_over(doomed);
                note(format!("fail-over loses {noise} events: {lost}"));
            }
            What::StoreWeather { weather, lasting } => {
                note(format!("store: {weather:?} for {lasting:?}"));
                node.link.set(weather);
                sleep(lasting).await;
                node.link.set(Weather::Fair);
            }
            What::SharedWeather { weather, lasting } => {
                note(format!("shared cache: {weather:?} for {lasting:?}"));
                node.shared.set(weather);
                sleep(lasting).await;
                node.shared.set(SharedWeather::Fair);
            }
            What::SaveShared => self.cache.save(),
            What::RollBackShared => self.cache.roll_back(),
            What::FlushShared => self.cache.flush(),
            What::WallJump { micros } => {
                note(format!("wall clock jumps by {micros} us"));
                self.places[at].clock.jump(micros);
            }
            What::Crash { down } => self.crash(number, at, node, down).await,
            What::ForgetLocal => node.sessions.forget_local(),
            What::Trim { keep } => self.store.trim(keep),
            What::Reincarnate => self.store.reincarnate(),
            // The rest is no trouble.
            _ => {}
        }
    }

    async fn crash(&self, number: usize, at: usize, node: &Node, down: Duration) {
        if !node.is_alive() {
            return;
        }
        self.write_down(
            number,
            at,
            node,
            Seen::Note(format!("crashes, back in {down:?}")),
        );
        let life = node.life;
        node.crash().await;
        sleep(down).await;
        // The shared cache was not affected and is warm.
        self.put_node(at, self.places[at].start(life + 1));
    }

    async fn log_in(&self, number: usize, at: usize, node: &Node, login: Login) {
        let ticket = if login.leased {
            node.sessions.begin_login_from_lease()
        } else {
            node.sessions.begin_login().await
        };
        let Ok(ticket) = ticket else {
            return;
        };
        sleep(login.before).await;
        let checked = self.clock.boot();
        sleep(login.after).await;
        let user = format!("u{}", login.user);
        let tenant = (login.tenant > 0).then(|| format!("t{}", login.tenant));
        let who = json!({"user": {"id": user}, "tenant_id": tenant});
        let replaces = login.replaces.and_then(|pick| self.pick(pick));
        let group = Group::named(GROUPS[login.group]).unwrap();
        let asked = service::Login {
            group: group.clone(),
            site: SiteName::default(),
            limit: None,
            ends_with_browser: false,
            identity: Identity::from_value(who).unwrap().0,
            reference: None,
            ip: None,
            user_agent: "sim".into(),
            ttl: login.ttl,
            idle: login.idle,
            replaces: replaces.map(|(_, old)| old.key),
        };
        match node.sessions.create(ticket, asked).await {
            Ok(created) if node.is_alive() => {
                let known = known(&created, user, tenant, group);
                let session = self.add(Known {
                    checked,
                    idles: !login.idle.is_zero(),
                    ..known
                });
                let text = format!("logged in: session {session}");
                self.write_down(number, at, node, Seen::Note(text));
            }
            Ok(_) => {}
            Err(failed) => {
                let text = format!("login failed: {failed:?}");
                self.write_down(number, at, node, Seen::Note(text));
            }
        }
    }

    async fn rotate(&self, number: usize, at: usize, node: &Node, pick: u64) {
        let Some((_, old)) = self.pick(pick) else {
            return;
        };
        if let Ok(Some((created, _before))) = node.sessions.rotate(old.key).await
            && node.is_alive()
        {
            let (user, tenant, group) = (&old.user, &old.tenant, &old.group);
            let fresh = known(&created, user.clone(), tenant.clone(), group.clone());
            let session = self.add(Known {
                key: fresh.key,
                id: fresh.id,
                sid: fresh.sid,
                heir_of: Some(old.key),
                ..old
            });
            let text = format!("rotated: session {session}");
            self.write_down(number, at, node, Seen::Note(text));
        }
    }

    async fn renew(&self, number: usize, at: usize, node: &Node, pick: u64) {
        let Some((_, old)) = self.pick(pick) else {
            return;
        };
        if let Ok(Some(created)) = node
            .sessions
            .renew(old.key, &old.group, RENEWAL_GRACE)
            .await
            && node.is_alive()
        {
            let session = self.add(Known {
                key: created.session.key,
                sid: created.sid.expose().as_str().to_owned(),
                heir_of: None,
                ..old
            });
            let text = format!("renewed: session {session}");
            self.write_down(number, at, node, Seen::Note(text));
        }
    }

    /// See [`What::RotateRace`].
    async fn rotate_race(
        &self,
        number: usize,
        at: usize,
        node: &Node,
        (pick, renew): (u64, bool),
        revoke_after: Duration,
    ) {
        let Some((_, old)) = self.pick(pick) else {
            return;
        };
        node.link.set(Weather::Laggard);
        let revoke = async {
            sleep(revoke_after).await;
            let scope = Scope::Key(old.key);
            self.store.revoke(&scope, RevokeReason::External);
        };
        let exchange = async {
            if renew {
                self.renew(number, at, node, pick).await;
            } else {
                self.rotate(number, at, node, pick).await;
            }
        };
        tokio::join!(exchange, revoke);
        node.link.set(Weather::Fair);
    }

    async fn update(&self, number: usize, at: usize, node: &Node, pick: u64) {
        let Some((session, known)) = self.pick(pick) else {
            return;
        };
        let patch: IdentityPatch =
            serde_json::from_value(json!({"attributes": {"step": number}})).unwrap();
        let done = node.sessions.update(known.key, "django", patch).await;
        let done = done.map(|owner| owner.is_some());
        let text = format!("update of session {session}: {done:?}");
        self.write_down(number, at, node, Seen::Note(text));
    }

    async fn revoke(
        &self,
        number: usize,
        at: usize,
        node: &Node,
        (pick, how, wait): (u64, How, bool),
    ) {
        let Some(scope) = self.scope(pick, how) else {
            return;
        };
        let named = self.named(&scope);
        let wait = if wait { Wait::All } else { Wait::None };
        let done = node
            .sessions
            .revoke(scope.clone(), RevokeReason::Admin, wait)
            .await;
        let note = Seen::Note(format!("revoke {scope:?}, {wait:?}: {done:?}"));
        self.write_down(number, at, node, note);
        if wait == Wait::All && done.is_ok() {
            let ended = self.ended();
            let sessions = named.into_iter().filter(|(_, key)| ended.contains(key));
            let sessions = sessions.map(|(session, _)| session).collect();
            self.write_down(number, at, node, Seen::OutEverywhere { sessions });
        }
    }

    fn scope(&self, pick: u64, how: How) -> Option<Scope> {
        let (_, known) = self.pick(pick)?;
        Some(match how {
            How::Key => Scope::Key(known.key),
            How::Handle => Scope::Handle {
                id: known.id,
                user_id: Some(known.user.into()),
                group: Some(known.group),
            },
            How::Others => Scope::Others {
                user_id: known.user.into(),
                keep: known.key,
                group: Some(known.group),
            },
            How::Member => Scope::Member {
                user_id: known.user.into(),
                group: known.group,
            },
            How::User => Scope::User(known.user.into()),
            How::Tenant => Scope::Tenant(known.tenant?.into()),
            How::All => Scope::All,
        })
    }
}

fn known(created: &Created, user: String, tenant: Option<String>, group: Group) -> Known {
    Known {
        key: created.session.key,
        id: created.session.id,
        sid: created.sid.expose().as_str().to_owned(),
        user,
        tenant,
        group,
        checked: session_core::clock::Boot::default(),
        heir_of: None,
        idles: false,
    }
}
