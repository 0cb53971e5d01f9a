//! Where an address is, as far as two MaxMind databases know: places from one, owners of networks from the other.
//!
//! Both are read into memory at the start and at each reload. The place of an address is a guess: good enough for a
//! list that the owner reads and for rules with wide margins, for nothing else.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{MaxMindDbError, Reader, geoip2};
use serde_json::{Value, json};
use thiserror::Error;

use crate::config::RiskConfig;

/// Mean radius of the earth.
const EARTH_KM: f64 = 6_371.0;

/// The databases.
#[derive(Default)]
pub(crate) struct Geo {
    city: Option<Reader<Vec<u8>>>,
    asn: Option<Reader<Vec<u8>>>,
}

/// A database that cannot be used.
#[derive(Debug, Error)]
#[error("{key}: {path} cannot be used: {source}")]
pub(crate) struct GeoError {
    key: &'static str,
    path: String,
    source: MaxMindDbError,
}

/// What is known of an address.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// ISO code.
    pub(crate) country: Option<Box<str>>,
    /// English name.
    pub(crate) city: Option<Box<str>>,
    /// Latitude and longitude, rounded to a tenth of a degree.
    pub(crate) location: Option<(f64, f64)>,
    /// Number of the network's owner.
    pub(crate) asn: Option<u32>,
}

impl Geo {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// When a file cannot be read, or is no such database.
    pub(crate) fn open(config: &RiskConfig) -> Result<Self, GeoError> {
        Ok(Self {
            city: open("risk.geo_city", config.geo_city.as_deref())?,
            asn: open("risk.geo_asn", config.geo_asn.as_deref())?,
        })
    }

    /// What is known of `address`.
    pub(crate) fn place(&self, address: IpAddr) -> Place {
        let mut place = self
            .city
            .as_ref()
            .and_then(|city| {
                city.lookup(address)
                    .ok()?
                    .decode::<geoip2::City<'_>>()
                    .ok()?
            })
            .map_or_else(Place::default, |found| Place {
                country: found.country.iso_code.and_then(short),
                city: found.city.names.english.and_then(short),
                location: found
                    .location
                    .latitude
                    .zip(found.location.longitude)
                    .and_then(rounded),
                asn: None,
            });
        place.asn = self
            .asn
            .as_ref()
            .and_then(|asn| asn.lookup(address).ok()?.decode::<geoip2::Asn<'_>>().ok()?)
            .and_then(|found| found.autonomous_system_number);
        place
    }
}

impl Place {
    /// As people see it; `null` when nothing is known.
    pub(crate) fn view(&self) -> Value {
        if self.country.is_none() && self.city.is_none() {
            return Value::Null;
        }
        json!({"city": self.city, "country": self.country})
    }
}

impl std::fmt::Debug for Geo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Geo")
            .field("city", &self.city.is_some())
            .field("asn", &self.asn.is_some())
            .finish()
    }
}

fn open(key: &'static str, path: Option<&Path>) -> Result<Option<Reader<Vec<u8>>>, GeoError> {
    let Some(path) = path else {
        return Ok(None);
    };
    let reader = Reader::open_readfile(path).map_err(|source| GeoError {
        key,
        path: path.display().to_string(),
        source,
    })?;
    Ok(Some(reader))
}

/// A name from the database, which is not trusted: `None` for text that does not look like a name.
fn short(text: &str) -> Option<Box<str>> {
    let is_name = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    is_name.then(|| text.into())
}

fn rounded((lat, lon): (f64, f64)) -> Option<(f64, f64)> {
    let is_real = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
    let tenth = |degrees: f64| (degrees * 10.0).round() / 10.0;
    is_real.then(|| (tenth(lat), tenth(lon)))
}

/// The way along the surface between two places in degrees (haversine).
pub(crate) fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let half_lat = ((lat_b - lat_a) / 2.0).sin();
    let half_lon = ((b.1 - a.1).to_radians() / 2.0).sin();
    let h = half_lat * half_lat + lat_a.cos() * lat_b.cos() * half_lon * half_lon;
    2.0 * EARTH_KM * h.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::distance_km;

    const BERLIN: (f64, f64) = (52.5, 13.4);
    const SYDNEY: (f64, f64) = (-33.9, 151.2);

    #[test]
    fn distances_are_those_of_an_atlas() {
        for (a, b, km) in [
            (BERLIN, BERLIN, 0.0),
            (BERLIN, (48.9, 2.4), 878.0),
            (BERLIN, SYDNEY, 16_090.0),
            ((0.0, 179.9), (0.0, -179.9), 22.24),
            ((90.0, 0.0), (-90.0, 0.0), 20_015.0),
        ] {
            let found = distance_km(a, b);
            assert!((found - km).abs() <= km * 0.01, "{a:?} {b:?}: {found}");
        }
    }
}
