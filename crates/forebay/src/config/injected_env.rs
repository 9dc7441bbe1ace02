//! Environment variables that start with `FOREBAY_` but were not written by a person.
//!
//! Kubernetes (and Docker links before it) gives every container variables named after each
//! service of its namespace. A service called `forebay` thus yields `FOREBAY_SERVICE_HOST`,
//! `FOREBAY_PORT=tcp://10.0.0.7:9092` and more: refusing them as unknown options would keep the
//! broker from starting for no reason that its operator could see.

/// Whether this variable is a service link.
pub(crate) fn is_service_link(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    if name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && is_url)
    {
        return true;
    }
    // FOREBAY_PORT_9092_TCP, and the same with _PROTO, _PORT or _ADDR behind it.
    let Some((_, rest)) = name.split_once("_PORT_") else {
        return false;
    };
    let mut words = rest.split('_');
    let port = words.next().is_some_and(|word| word.parse::<u16>().is_ok());
    let protocol = words
        .next()
        .is_some_and(|word| matches!(word, "TCP" | "UDP" | "SCTP"));
    let part = matches!(words.next(), None | Some("PROTO" | "PORT" | "ADDR"));
    port && protocol && part && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_injects_is_recognised() {
        let injected = [
            ("FOREBAY_SERVICE_HOST", "10.0.0.7"),
            ("FOREBAY_SERVICE_PORT", "9092"),
            ("FOREBAY_SERVICE_PORT_KAFKA", "9092"),
            ("FOREBAY_PORT", "tcp://10.0.0.7:9092"),
            ("FOREBAY_PORT_9092_TCP", "tcp://10.0.0.7:9092"),
            ("FOREBAY_PORT_9092_TCP_PROTO", "tcp"),
            ("FOREBAY_HEADLESS_PORT_9092_TCP_ADDR", "10.0.0.7"),
        ];
        for (name, value) in injected {
            assert!(is_service_link(name, value), "{name}");
        }
    }

    #[test]
    fn what_a_person_wrote_is_not() {
        for (name, value) in [
            ("FOREBAY_PORT", "9092"),
            ("FOREBAY_KAFKA", "0.0.0.0:1"),
            ("FOREBAY_PORT_A_TCP", ""),
        ] {
            assert!(!is_service_link(name, value), "{name}");
        }
    }
}
