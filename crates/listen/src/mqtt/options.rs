//! Where messages go, and how they are named.

use super::address::Broker;

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttOptions {
    /// The broker.
    pub broker: Broker,
    /// The first part of all topics.
    pub prefix: String,
    /// The discovery prefix of Home Assistant, `homeassistant` as it comes; none for no discovery.
    pub discovery: Option<String>,
}

impl MqttOptions {
    /// With discovery, below `barkbird`.
    pub fn new(broker: Broker) -> Self {
        Self { broker, prefix: "barkbird".into(), discovery: Some("homeassistant".into()) }
    }
}
