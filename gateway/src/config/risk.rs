//! `[risk]`: what counts as suspicious, and what is done about it.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use session_core::secret::SecretString;
use session_core::session::RiskRule;
use strum::VariantArray as _;

use super::duration::{days, hours, mins, secs, within};
use super::login_limits::Rate;
use super::reader::Reader;
use super::secret::Sources;

/// A key shorter than this can be guessed from one signed message.
const MIN_SECRET: usize = 16;

/// What is done about a broken rule. Each step includes those before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum RiskAction {
    /// It is counted, logged and shown.
    Observe,
    /// The webhook is told.
    Notify,
    /// The browser gets a new sid.
    Rotate,
    /// The session ends.
    Revoke,
}

impl RiskAction {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

const ABOUT_SESSIONS: [(&str, RiskAction); 4] = [
    ("observe", RiskAction::Observe),
    ("notify", RiskAction::Notify),
    ("rotate", RiskAction::Rotate),
    ("revoke", RiskAction::Revoke),
];

/// Actions of rules about clients. A client has no session to rotate or revoke.
const ABOUT_CLIENTS: [(&str, RiskAction); 2] = [
    ("observe", RiskAction::Observe),
    ("notify", RiskAction::Notify),
];

/// Suspicious activity. Without `[risk]` in the file nothing is looked at and nothing is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskConfig {
    /// Whether the file has the section.
    pub enabled: bool,
    /// MaxMind database of places; `None`: places are not known.
    pub geo_city: Option<PathBuf>,
    /// MaxMind database of network owners; `None`: owners are not known.
    pub geo_asn: Option<PathBuf>,
    /// How long it is remembered where sessions were used.
    pub keep: Duration,
    /// Who is told; `None`: nobody.
    pub webhook: Option<Webhook>,
    /// What is suspicious.
    pub rules: RiskRules,
}

/// Where signals are reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its address, which may hold a token.
    pub url: SecretString,
    /// What the messages are signed with.
    pub secret: SecretString,
    /// Longest call.
    pub timeout: Duration,
    /// Authorities that are believed beside the public ones.
    pub ca: Option<PathBuf>,
}

/// `[risk.rules]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskRules {
    /// Another kind of browser or system.
    pub user_agent: RiskAction,
    /// A country that is new to the session.
    pub country: NewcomerRule,
    /// A network owner that is new to the session.
    pub asn: NewcomerRule,
    /// Faster than anybody travels.
    pub impossible_travel: TravelRule,
    /// Two distant places take turns.
    pub parallel: ParallelRule,
    /// One client sends many sids that are no sessions.
    pub refused_sids: BurstRule,
    /// One client fails to log in often.
    pub refused_logins: BurstRule,
}

/// A value that the session has not had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewcomerRule {
    /// What is done.
    pub action: RiskAction,
    /// How many different values are normal.
    pub tolerated: u32,
}

/// Distance over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TravelRule {
    /// What is done.
    pub action: RiskAction,
    /// Highest plausible speed, in km/h.
    pub max_kmh: u32,
    /// Shortest distance that counts, in km; a shorter one may be an error of the database.
    pub min_km: u32,
}

/// Interleaved use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParallelRule {
    /// What is done.
    pub action: RiskAction,
    /// In which time.
    pub window: Duration,
    /// How often the place changes in it.
    pub switches: u32,
    /// Shortest distance between the places that counts, in km.
    pub min_km: u32,
}

/// Many refusals of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurstRule {
    /// What is done.
    pub action: RiskAction,
    /// How many are a burst.
    pub rate: Rate,
}

impl RiskRules {
    /// What is done about a session that broke `rule`.
    #[must_use]
    pub const fn action(&self, rule: RiskRule) -> RiskAction {
        match rule {
            RiskRule::UserAgent => self.user_agent,
            RiskRule::Country => self.country.action,
            RiskRule::Asn => self.asn.action,
            RiskRule::ImpossibleTravel => self.impossible_travel.action,
            RiskRule::Parallel => self.parallel.action,
        }
    }

    fn read(risk: &mut Reader<'_>) -> Self {
        risk.section("rules", |rules| Self {
            user_agent: rules.section("user_agent", action),
            country: rules.section("country", |rule| newcomer(rule, 1)),
            asn: rules.section("asn", |rule| newcomer(rule, 2)),
            impossible_travel: rules.section("impossible_travel", |rule| TravelRule {
                action: action(rule),
                max_kmh: rule.number("max_kmh", 100..=100_000).unwrap_or(1_000),
                min_km: rule.number("min_km", 1..=20_000).unwrap_or(500),
            }),
            parallel: rules.section("parallel", |rule| ParallelRule {
                action: action(rule),
                window: rule
                    .text("window", within(secs(10)..=hours(24)))
                    .unwrap_or(mins(10)),
                switches: rule.number("switches", 2..=20).unwrap_or(3),
                min_km: rule.number("min_km", 1..=20_000).unwrap_or(500),
            }),
            refused_sids: rules.section("refused_sids", |rule| burst(rule, 30)),
            refused_logins: rules.section("refused_logins", |rule| burst(rule, 10)),
        })
    }

    /// The rules under their names in the file, those about clients as well.
    fn all(&self) -> impl Iterator<Item = (&'static str, RiskAction)> {
        let clients = [
            ("refused_sids", self.refused_sids.action),
            ("refused_logins", self.refused_logins.action),
        ];
        let sessions = RiskRule::VARIANTS
            .iter()
            .map(|rule| (rule.as_str(), self.action(*rule)));
        sessions.into_iter().chain(clients)
    }
}

impl RiskConfig {
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        root.section("risk", |risk| {
            let mut file = |key| risk.text(key, |text| sources.optional_path(text)).flatten();
            let (geo_city, geo_asn) = (file("geo_city"), file("geo_asn"));
            let keep = risk.text("keep", within(days(1)..=days(400)));
            let config = Self {
                enabled: risk.is_present(),
                geo_city,
                geo_asn,
                keep: keep.unwrap_or(days(30)),
                webhook: webhook(risk, sources),
                rules: RiskRules::read(risk),
            };
            let told = config.rules.all();
            for (rule, _) in told.filter(|(_, action)| *action == RiskAction::Notify) {
                if config.webhook.is_none() {
                    let key = format!("rules.{rule}.action");
                    let message =
                        "says \"notify\", and without risk.webhook_url there is nobody to notify";
                    risk.contradiction(&[&key, "webhook_url"], message);
                }
            }
            config
        })
    }
}

fn webhook(risk: &mut Reader<'_>, sources: &Sources<'_>) -> Option<Webhook> {
    let url = risk.reference("webhook_url", |text| webhook_url(text, sources));
    let secret = risk.reference("webhook_secret", |text| webhook_secret(text, sources));
    let timeout = risk.text("webhook_timeout", within(secs(1)..=secs(60)));
    let ca = risk.text("webhook_ca", |text| sources.optional_path(text));
    if matches!((&url, &secret), (Some(Some(_)), None | Some(None))) {
        let message = "needs risk.webhook_secret: unsigned, anybody could send such messages";
        let keys = ["webhook_url", "webhook_secret"];
        risk.contradiction(&keys, message);
    }
    Some(Webhook {
        url: url.flatten()?,
        secret: secret.flatten()?,
        timeout: timeout.unwrap_or(secs(5)),
        ca: ca.flatten(),
    })
}

fn webhook_url(text: &str, sources: &Sources<'_>) -> Result<Option<SecretString>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let url = sources.url(text)?;
    let uri: Option<Uri> = url.expose().parse().ok();
    let is_good = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    if is_good {
        Ok(Some(url))
    } else {
        Err("is not a URL that begins with http:// or https://".to_owned())
    }
}

fn webhook_secret(text: &str, sources: &Sources<'_>) -> Result<Option<SecretString>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let secret = sources.secret(text)?.found()?;
    if secret.expose().len() < MIN_SECRET {
        return Err(format!("must be at least {MIN_SECRET} characters"));
    }
    Ok(Some(secret))
}

fn action(rule: &mut Reader<'_>) -> RiskAction {
    let action = rule.choice("action", &ABOUT_SESSIONS);
    action.unwrap_or(RiskAction::Observe)
}

fn newcomer(rule: &mut Reader<'_>, tolerated: u32) -> NewcomerRule {
    NewcomerRule {
        action: action(rule),
        tolerated: rule.number("tolerated", 1..=20).unwrap_or(tolerated),
    }
}

fn burst(rule: &mut Reader<'_>, per_minute: u32) -> BurstRule {
    let action = rule.choice("action", &ABOUT_CLIENTS);
    let rate = rule.text("rate", Rate::parse);
    BurstRule {
        action: action.unwrap_or(RiskAction::Observe),
        rate: rate.unwrap_or(Rate {
            count: NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN),
            per: mins(1),
        }),
    }
}
