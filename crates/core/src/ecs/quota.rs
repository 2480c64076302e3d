//! What an operator allows at most: how much there may be, and how fast calls may come. Nothing is limited unless it is said.
//!
//! [`Quotas`] are checked where things are admitted. [`Rates`] are asked by the shell before a call goes on; they count
//! what happens in this run and are never stored.

use std::collections::BTreeMap;

use super::api::Write;
use super::refusal::Refusal;
use crate::kernel::{Scope, Timestamp};

/// All limits of a control plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How much there may be.
    pub quotas: Quotas,
    /// How fast calls may come.
    pub rates: RateLimits,
}

/// How much there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Active clusters of an account in a region.
    pub clusters: Option<u32>,
    /// Registered container instances of a cluster.
    pub instances_per_cluster: Option<u32>,
    /// Tasks of a cluster that are not over.
    pub tasks_per_cluster: Option<u32>,
    /// Registrations of a family of task definitions, ever.
    pub revisions_per_family: Option<u32>,
}

/// A quota that a request would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// Of clusters.
    Clusters,
    /// Of instances in the cluster.
    Instances,
    /// Of tasks in the cluster.
    Tasks,
    /// Of revisions of the family.
    Revisions,
}

/// Refuses what would make more than `quota` allows.
///
/// # Errors
/// `count` is more than `quota`.
pub(super) fn within(quota: Option<u32>, count: usize, exceeded: Exceeded) -> Result<(), Refusal> {
    if quota.is_none_or(|most| count <= most as usize) {
        Ok(())
    } else {
        Err(Refusal::Quota(exceeded))
    }
}

/// How fast calls may come, for each account in each region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Calls a second; as many may come at once. What agents call is not counted.
    pub calls_per_second: Option<u32>,
    /// Tasks a minute that RunTask and StartTask ask for; as many may come at once.
    pub launches_per_minute: Option<u32>,
}

/// What was taken of the limits in this run.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    limits: RateLimits,
    calls: BTreeMap<Scope, Bucket>,
    launches: BTreeMap<Scope, Bucket>,
}

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;
/// The most buckets of a kind. Scopes are the caller's to choose, so full buckets, which are as good as none, make room.
const MOST_BUCKETS: usize = 1_000;

impl Rates {
    /// Nothing was taken yet.
    #[must_use]
    pub fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes a write into account.
    ///
    /// # Errors
    /// It comes too early.
    pub fn write(&mut self, now: Timestamp, scope: &Scope, write: &Write) -> Result<(), Refusal> {
        if write.is_of_agents() {
            return Ok(());
        }
        self.call(now, scope)?;
        let launches = write.launches();
        match self.limits.launches_per_minute.filter(|_| launches > 0) {
            Some(most) => Rate::new(most, MINUTE_MS).take(&mut self.launches, scope, now, launches),
            None => Ok(()),
        }
    }

    /// Takes any other call of a user into account.
    ///
    /// # Errors
    /// It comes too early.
    pub fn call(&mut self, now: Timestamp, scope: &Scope) -> Result<(), Refusal> {
        match self.limits.calls_per_second {
            Some(most) => Rate::new(most, SECOND_MS).take(&mut self.calls, scope, now, 1),
            None => Ok(()),
        }
    }
}

/// What is left to take. One thing is as many parts as its period has milliseconds.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    parts: i64,
    filled_at: Timestamp,
}

/// `most` things in `period_ms`.
#[derive(Clone, Copy, Debug)]
struct Rate {
    most: i64,
    period_ms: i64,
}

impl Rate {
    fn new(most: u32, period_ms: i64) -> Self {
        Self {
            most: most.into(),
            period_ms,
        }
    }

    /// Takes `count` things, or nothing. What is more than all that there may be at once takes all of it.
    fn take(
        self,
        buckets: &mut BTreeMap<Scope, Bucket>,
        scope: &Scope,
        now: Timestamp,
        count: usize,
    ) -> Result<(), Refusal> {
        let whole = self.most * self.period_ms;
        if buckets.len() >= MOST_BUCKETS {
            buckets.retain(|_, bucket| self.filled(*bucket, now) < whole);
        }
        let known = buckets.get(scope).map(|bucket| self.filled(*bucket, now));
        let wanted = i64::try_from(count).unwrap_or(self.most).min(self.most) * self.period_ms;
        let left = known.unwrap_or(whole) - wanted;
        if left < 0 {
            return Err(Refusal::Throttled);
        }
        let bucket = Bucket {
            parts: left,
            filled_at: now,
        };
        buckets.insert(scope.clone(), bucket);
        Ok(())
    }

    /// The parts of a bucket at `now`. A clock that was set back fills nothing.
    fn filled(self, bucket: Bucket, now: Timestamp) -> i64 {
        let elapsed_ms = now.since_ms(bucket.filled_at).clamp(0, self.period_ms);
        (bucket.parts + elapsed_ms * self.most).min(self.most * self.period_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::admit::run_task::RunTask;

    fn scope(region: &str) -> Scope {
        Scope {
            account: "123456789012".parse().unwrap(),
            region: region.parse().unwrap(),
        }
    }

    #[test]
    fn calls_come_back_steadily_and_each_region_has_its_own() {
        let mut rates = Rates::new(RateLimits {
            calls_per_second: Some(2),
            launches_per_minute: None,
        });
        let (here, there) = (scope("us-east-1"), scope("eu-west-1"));
        let mut call = |at: i64, scope: &Scope| rates.call(Timestamp(at), scope).is_ok();
        assert_eq!([call(0, &here), call(0, &here), call(0, &here)], [true, true, false]);
        assert!(call(0, &there));
        assert_eq!(
            [call(499, &here), call(500, &here), call(999, &here)],
            [false, true, false]
        );
        assert!(!call(100, &here), "a clock that is set back gives nothing");
        assert_eq!(
            [call(9_000, &here), call(9_000, &here), call(9_000, &here)],
            [true, true, false]
        );
    }

    #[test]
    fn launches_count_tasks_and_a_refused_one_takes_none() {
        let mut rates = Rates::new(RateLimits {
            calls_per_second: None,
            launches_per_minute: Some(6),
        });
        let mut run = |at_s: i64, count: i64| {
            let run = RunTask {
                count,
                ..RunTask::default()
            };
            rates.write(Timestamp(at_s * 1_000), &scope("us-east-1"), &Write::RunTask(run))
        };
        assert_eq!(run(0, 4), Ok(()));
        assert_eq!(run(0, 4), Err(Refusal::Throttled));
        assert_eq!(run(0, 2), Ok(()));
        assert_eq!(run(9, 1), Err(Refusal::Throttled));
        assert_eq!(run(10, 1), Ok(()));
        assert_eq!(run(70, 10), Ok(()), "more than there may ever be takes all of it");
        assert_eq!(run(70, 1), Err(Refusal::Throttled));
    }

    #[test]
    fn buckets_that_are_full_make_room() {
        let mut rates = Rates::new(RateLimits {
            calls_per_second: Some(1),
            launches_per_minute: None,
        });
        for number in 0..3 * MOST_BUCKETS {
            let at = Timestamp(i64::try_from(number).unwrap() * 10);
            let scope = Scope {
                account: format!("{number:012}").parse().unwrap(),
                ..scope("us-east-1")
            };
            rates.call(at, &scope).unwrap();
        }
        assert!(rates.calls.len() <= MOST_BUCKETS);
    }

    #[test]
    fn nothing_is_limited_unless_it_is_said() {
        let mut rates = Rates::default();
        assert!((0..1_000).all(|_| rates.call(Timestamp(0), &scope("us-east-1")).is_ok()));
        assert_eq!(within(None, usize::MAX, Exceeded::Tasks), Ok(()));
        assert_eq!(within(Some(2), 2, Exceeded::Tasks), Ok(()));
        assert_eq!(
            within(Some(2), 3, Exceeded::Tasks),
            Err(Refusal::Quota(Exceeded::Tasks))
        );
    }
}
