//! When a request that failed is made again.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>, "Creating an HTTP/S delivery
//! policy": four phases, one after the other.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::SnsError;

/// Retries of one message (AWS: the same).
const RETRIES_MAX: u32 = 100;
/// Seconds that a message may be tried in all (AWS: the same).
const DELAY_SECONDS_MAX: u32 = 3_600;

/// How delays grow between the first and the last of the backoff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BackoffFunction {
    /// By the same each time.
    #[default]
    Linear,
    /// By a little more each time.
    Arithmetic,
    /// By the same factor each time.
    Geometric,
    /// Doubling, as far as there is room.
    Exponential,
}

impl BackoffFunction {
    const ALL: [Self; 4] = [
        Self::Linear,
        Self::Arithmetic,
        Self::Geometric,
        Self::Exponential,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Arithmetic => "arithmetic",
            Self::Geometric => "geometric",
            Self::Exponential => "exponential",
        }
    }
}

/// A delivery policy. The defaults are those of a topic of which nothing is said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DeliveryPolicy {
    pub(crate) min_delay_seconds: u32,
    pub(crate) max_delay_seconds: u32,
    /// In all phases together.
    pub(crate) retries: u32,
    /// At once.
    pub(crate) retries_without_delay: u32,
    /// With the smallest delay, before the backoff.
    pub(crate) retries_with_min_delay: u32,
    /// With the largest delay, after the backoff.
    pub(crate) retries_with_max_delay: u32,
    pub(crate) backoff: BackoffFunction,
    pub(crate) content_type: String,
    /// Requests a second, if they are bounded.
    pub(crate) receives_per_second: Option<u32>,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            min_delay_seconds: 20,
            max_delay_seconds: 20,
            retries: 3,
            retries_without_delay: 0,
            retries_with_min_delay: 0,
            retries_with_max_delay: 0,
            backoff: BackoffFunction::Linear,
            content_type: "text/plain; charset=UTF-8".to_owned(),
            receives_per_second: None,
        }
    }
}

impl DeliveryPolicy {
    /// What holds for a subscription: its own word, or its topic's where it has none or is not heard.
    pub(crate) fn effective(topic: Option<&str>, subscription: Option<&str>) -> Self {
        let mut policy = Self::default();
        let read = |text: &str| serde_json::from_str::<Value>(text).ok();
        let topic = topic.and_then(read);
        let http = topic.as_ref().map(|topic| &topic["http"]);
        if let Some(http) = http {
            policy.take_retries(&http["defaultHealthyRetryPolicy"]);
            policy.take_request(&http["defaultRequestPolicy"]);
            policy.take_throttle(&http["defaultThrottlePolicy"]);
        }
        let overridden = http.is_none_or(|http| http["disableSubscriptionOverrides"] != true);
        if let Some(own) = subscription.and_then(read).filter(|_| overridden) {
            policy.take_retries(&own["healthyRetryPolicy"]);
            policy.take_request(&own["requestPolicy"]);
            policy.take_throttle(&own["throttlePolicy"]);
        }
        policy
    }

    /// # Errors
    /// If a text is no policy of a topic, or of a subscription.
    pub(crate) fn check(text: &str, of_topic: bool) -> Result<(), SnsError> {
        let wrong = |why: String| SnsError::invalid(format!("DeliveryPolicy: {why}"));
        let policy: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| wrong("failed to parse JSON.".to_owned()))?;
        let retries = match of_topic {
            true => policy
                .get("http")
                .map(|http| &http["defaultHealthyRetryPolicy"]),
            false => policy.get("healthyRetryPolicy"),
        };
        let Some(retries) = retries.filter(|retries| !retries.is_null()) else {
            return Ok(());
        };
        let mut read = Self::default();
        read.take_retries(retries);
        let phases = u64::from(read.retries_without_delay)
            + u64::from(read.retries_with_min_delay)
            + u64::from(read.retries_with_max_delay);
        let name = retries["backoffFunction"].as_str();
        let known = |name: &str| {
            BackoffFunction::ALL
                .iter()
                .any(|known| known.as_str() == name)
        };
        let why = if read.max_delay_seconds < read.min_delay_seconds {
            "maxDelayTarget must be greater than or equal to minDelayTarget"
        } else if read.min_delay_seconds == 0 || read.max_delay_seconds > DELAY_SECONDS_MAX {
            "minDelayTarget and maxDelayTarget must be between 1 and 3600"
        } else if read.retries > RETRIES_MAX {
            "numRetries must be between 0 and 100"
        } else if phases > u64::from(read.retries) {
            "numRetries must be greater than or equal to the sum of the retries of all phases"
        } else if name.is_some_and(|name| !known(name)) {
            "backoffFunction must be one of linear, arithmetic, geometric, exponential"
        } else {
            return Ok(());
        };
        Err(wrong(why.to_owned()))
    }

    fn take_retries(&mut self, policy: &Value) {
        let number = |name: &str| {
            policy[name]
                .as_u64()
                .map(|n| u32::try_from(n).unwrap_or(u32::MAX))
        };
        let fields = [
            ("minDelayTarget", &mut self.min_delay_seconds),
            ("maxDelayTarget", &mut self.max_delay_seconds),
            ("numRetries", &mut self.retries),
            ("numNoDelayRetries", &mut self.retries_without_delay),
            ("numMinDelayRetries", &mut self.retries_with_min_delay),
            ("numMaxDelayRetries", &mut self.retries_with_max_delay),
        ];
        for (name, field) in fields {
            if let Some(value) = number(name) {
                *field = value;
            }
        }
        let function = policy["backoffFunction"].as_str();
        let mut known = BackoffFunction::ALL.into_iter();
        if let Some(function) = known.find(|known| Some(known.as_str()) == function) {
            self.backoff = function;
        }
    }

    fn take_request(&mut self, policy: &Value) {
        if let Some(content_type) = policy["headerContentType"].as_str() {
            content_type.clone_into(&mut self.content_type);
        }
    }

    fn take_throttle(&mut self, policy: &Value) {
        let rate = policy["maxReceivesPerSecond"].as_u64();
        if let Some(rate) = rate.and_then(|rate| u32::try_from(rate).ok()) {
            self.receives_per_second = Some(rate.max(1));
        }
    }

    /// As `EffectiveDeliveryPolicy` shows a topic's.
    pub(crate) fn shown_of_topic(&self, overrides_disabled: bool) -> String {
        let mut http = json!({
            "defaultHealthyRetryPolicy": self.shown_retries(),
            "disableSubscriptionOverrides": overrides_disabled,
            "defaultRequestPolicy": {"headerContentType": self.content_type},
        });
        if let Some(rate) = self.receives_per_second {
            http["defaultThrottlePolicy"] = json!({ "maxReceivesPerSecond": rate });
        }
        json!({ "http": http }).to_string()
    }

    /// The same of a subscription.
    pub(crate) fn shown_of_subscription(&self) -> String {
        let throttle = self
            .receives_per_second
            .map(|rate| json!({ "maxReceivesPerSecond": rate }));
        json!({
            "healthyRetryPolicy": self.shown_retries(),
            "sicklyRetryPolicy": null,
            "throttlePolicy": throttle,
            "requestPolicy": {"headerContentType": self.content_type},
            "guaranteed": false,
        })
        .to_string()
    }

    fn shown_retries(&self) -> Value {
        json!({
            "minDelayTarget": self.min_delay_seconds,
            "maxDelayTarget": self.max_delay_seconds,
            "numRetries": self.retries,
            "numMaxDelayRetries": self.retries_with_max_delay,
            "numNoDelayRetries": self.retries_without_delay,
            "numMinDelayRetries": self.retries_with_min_delay,
            "backoffFunction": self.backoff.as_str(),
        })
    }

    /// How long a message waits that has failed so many times; none when it is not tried again. `chance` is
    /// random, and moves delays of the backoff a little, so that what failed together does not come back together.
    pub(crate) fn delay_after(&self, failures: u32, chance: u8) -> Option<Duration> {
        let retry = failures.checked_sub(1)?;
        if retry >= self.retries {
            return None;
        }
        if retry < self.retries_without_delay {
            return Some(Duration::ZERO);
        }
        let min = f64::from(self.min_delay_seconds);
        let max = f64::from(self.max_delay_seconds);
        let retry = retry - self.retries_without_delay;
        if retry < self.retries_with_min_delay {
            return Some(Duration::from_secs_f64(min));
        }
        let step = retry - self.retries_with_min_delay;
        let others = self
            .retries_without_delay
            .saturating_add(self.retries_with_min_delay)
            .saturating_add(self.retries_with_max_delay);
        let steps = self.retries.saturating_sub(others);
        if step >= steps {
            return Some(Duration::from_secs_f64(max));
        }
        let delay = min + (max - min) * self.backoff.share(step, steps);
        let jitter = (max - min) * JITTER * (f64::from(chance) / 255.0 - 0.5);
        Some(Duration::from_secs_f64((delay + jitter).clamp(min, max)))
    }
}

/// How much of the way between the smallest and the largest delay chance moves a delay, in both directions together.
const JITTER: f64 = 0.1;

impl BackoffFunction {
    /// Where the `step`th of so many is on the way from the smallest delay to the largest.
    fn share(self, step: u32, steps: u32) -> f64 {
        let last = f64::from(steps.saturating_sub(1));
        if last < 1.0 {
            return 0.0;
        }
        let (at, last) = (f64::from(step), last);
        match self {
            Self::Linear => at / last,
            Self::Arithmetic => at * (at + 1.0) / (last * (last + 1.0)),
            Self::Geometric => (1.5_f64.powf(at) - 1.0) / (1.5_f64.powf(last) - 1.0),
            Self::Exponential => (2_f64.powf(at) - 1.0) / (2_f64.powf(last) - 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's own example: 50 retries, of which 3 at once, 2 with the smallest and 35 with the largest delay.
    const EXAMPLE: &str = r#"{"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 60, "numRetries": 50,
        "numNoDelayRetries": 3, "numMinDelayRetries": 2, "numMaxDelayRetries": 35,
        "backoffFunction": "exponential"}, "throttlePolicy": {"maxReceivesPerSecond": 10},
        "requestPolicy": {"headerContentType": "application/json"}}"#;

    fn delays(policy: &DeliveryPolicy) -> Vec<f64> {
        let delay = |failures| Some(policy.delay_after(failures, 127)?.as_secs_f64());
        (1..).map_while(delay).collect()
    }

    #[test]
    fn the_phases_follow_each_other() {
        DeliveryPolicy::check(EXAMPLE, false).unwrap();
        let policy = DeliveryPolicy::effective(None, Some(EXAMPLE));
        let delays = delays(&policy);
        assert_eq!(delays.len(), 50);
        assert_eq!(delays[..5], [0.0, 0.0, 0.0, 1.0, 1.0]);
        assert!(delays[5..15].is_sorted() && delays[14] > 59.0);
        assert!(delays[15..].iter().all(|delay| *delay == 60.0));
        assert_eq!(policy.content_type, "application/json");
        assert_eq!(policy.receives_per_second, Some(10));
    }

    #[test]
    fn functions_grow_one_faster_than_the_other() {
        let at_half = |function| {
            let policy = DeliveryPolicy {
                min_delay_seconds: 1,
                max_delay_seconds: 101,
                retries: 11,
                backoff: function,
                ..DeliveryPolicy::default()
            };
            let delays = delays(&policy);
            assert!((delays[0] - 1.0).abs() < 0.2 && (delays[10] - 101.0).abs() < 0.2);
            assert!(delays.is_sorted(), "{function:?}");
            delays[5]
        };
        let halves = BackoffFunction::ALL.map(at_half);
        assert!(halves.windows(2).all(|two| two[0] > two[1]), "{halves:?}");
    }

    #[test]
    fn chance_stays_within_the_bounds() {
        let policy = DeliveryPolicy::effective(None, Some(EXAMPLE));
        for failures in 1..=50 {
            for chance in [0, 255] {
                let delay = policy.delay_after(failures, chance).unwrap();
                assert!(delay <= Duration::from_secs(60));
            }
        }
        assert_eq!(policy.delay_after(51, 0), None);
    }

    #[test]
    fn a_subscription_overrides_its_topic_unless_that_is_disabled() {
        let topic = |disabled| {
            format!(
                r#"{{"http": {{"defaultHealthyRetryPolicy": {{"numRetries": 7}},
                    "disableSubscriptionOverrides": {disabled}}}}}"#
            )
        };
        let own = Some(r#"{"healthyRetryPolicy": {"numRetries": 1}}"#);
        let retries = |disabled| DeliveryPolicy::effective(Some(&topic(disabled)), own).retries;
        assert_eq!((retries(false), retries(true)), (1, 7));
        assert_eq!(DeliveryPolicy::effective(None, None).retries, 3);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for wrong in [
            "x",
            r#"{"healthyRetryPolicy": {"minDelayTarget": 0}}"#,
            r#"{"healthyRetryPolicy": {"minDelayTarget": 30}}"#,
            r#"{"healthyRetryPolicy": {"maxDelayTarget": 3601}}"#,
            r#"{"healthyRetryPolicy": {"numRetries": 101}}"#,
            r#"{"healthyRetryPolicy": {"numNoDelayRetries": 4}}"#,
            r#"{"healthyRetryPolicy": {"backoffFunction": "cubic"}}"#,
        ] {
            assert!(DeliveryPolicy::check(wrong, false).is_err(), "{wrong}");
        }
    }
}
