//! The session service as its callers see it: several nodes over one store, with faults in between.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod legacy;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod races;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod support;
