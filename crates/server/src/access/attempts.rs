//! Attempts to sign in that failed: who has made many is not heard for a while.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Wrong passwords for a name from one address after which it is not heard.
const MOST: u32 = 10;

/// For how long they are counted.
const WINDOW: Duration = Duration::from_mins(1);

/// Names and addresses that are counted at once: strangers choose both.
const COUNTED: usize = 10_000;

/// Bytes of a name that tell it from others: strangers choose its length, too.
const NAME_BYTES: usize = 255;

type Who = (String, Option<IpAddr>);

/// Wrong passwords, by name and address. An address alone may be that of a proxy, before which all users stand; a name alone would let
/// strangers keep its owner out.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<Who, Failures>>);

#[derive(Debug)]
struct Failures {
    count: u32,
    first: Instant,
}

impl Attempts {
    /// How long this name is not heard from this address.
    pub(super) fn pause(&self, name: &str, address: Option<IpAddr>) -> Option<Duration> {
        let counted = self.lock();
        let failures = counted.get(&who(name, address))?;
        let left = WINDOW.checked_sub(failures.first.elapsed())?;
        (failures.count >= MOST).then_some(left)
    }

    /// Notes a wrong password.
    pub(super) fn failed(&self, name: &str, address: Option<IpAddr>) {
        let mut counted = self.lock();
        if counted.len() >= COUNTED {
            counted.retain(|_, failures| failures.first.elapsed() < WINDOW);
        }
        if counted.len() >= COUNTED {
            // Somebody tries many names; to forget all of them costs little beside that.
            counted.clear();
        }
        let fresh = || Failures { count: 0, first: Instant::now() };
        let failures = counted.entry(who(name, address)).or_insert_with(fresh);
        if failures.first.elapsed() >= WINDOW {
            *failures = fresh();
        }
        failures.count += 1;
    }

    /// Notes the right password.
    pub(super) fn succeeded(&self, name: &str, address: Option<IpAddr>) {
        self.lock().remove(&who(name, address));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Who, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn who(name: &str, address: Option<IpAddr>) -> Who {
    // Whoever has an address of IPv6 has all that begin as it does.
    let address = address.map(|address| match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            IpAddr::V6((address.to_bits() >> 64 << 64).into())
        }
        address => address.to_canonical(),
    });
    (name[..name.floor_char_boundary(NAME_BYTES)].to_owned(), address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_often_is_not_heard() {
        let attempts = Attempts::default();
        let [here, there] = [Some(IpAddr::from([127, 0, 0, 1])), None];
        for _ in 0..MOST {
            assert_eq!(attempts.pause("alice", here), None);
            attempts.failed("alice", here);
        }
        assert!(attempts.pause("alice", here).is_some_and(|pause| pause <= WINDOW));
        assert_eq!(attempts.pause("alice", there), None);
        assert_eq!(attempts.pause("bob", here), None);
        attempts.succeeded("alice", here);
        assert_eq!(attempts.pause("alice", here), None);
    }

    #[test]
    fn neighbours_of_an_address_are_one() {
        let address = |text: &str| Some(text.parse().unwrap());
        let same = |one, other| who("alice", address(one)) == who("alice", address(other));
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn strangers_fill_no_memory() {
        let attempts = Attempts::default();
        for number in 0..=COUNTED {
            attempts.failed(&format!("{number}{}", "x".repeat(1000)), None);
        }
        let counted = attempts.lock();
        assert!(counted.len() <= COUNTED);
        assert!(counted.keys().all(|(name, _)| name.len() <= NAME_BYTES));
    }
}
