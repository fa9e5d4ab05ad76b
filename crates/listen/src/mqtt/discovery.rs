//! What Home Assistant has to know, so that it shows what is heard without any configuration.
//!
//! Keys as in <https://www.home-assistant.io/integrations/mqtt/>, in their long form.

use super::topics::{Topics, id};
use detections::Provenance;
use serde_json::{Value, json};

/// How long a binary sensor stays on after an event, in seconds.
const ON_S: u32 = 30;

/// Topics and payloads of all configurations; none without a discovery prefix.
pub(super) fn configs(topics: &Topics, of: &Provenance, classes: &[String]) -> Vec<(String, String)> {
    let Some(prefix) = &topics.discovery else { return Vec::new() };
    let node = format!("barkbird_{}", topics.id);
    let device = json!({
        "identifiers": [node],
        "name": topics.name,
        "manufacturer": "barkbird",
        "model": of.model,
        "sw_version": of.program,
    });
    let config = |component: &str, object: &str, own: Value| {
        let mut config = json!({
            "unique_id": format!("{node}_{object}"),
            "object_id": format!("{node}_{object}"),
            "availability_topic": topics.status(),
            "device": device,
            "origin": {"name": "barkbird", "sw_version": of.program},
            "qos": 1,
        });
        if let (Value::Object(all), Value::Object(own)) = (&mut config, own) {
            all.extend(own);
        }
        (format!("{prefix}/{component}/{node}/{object}/config"), config.to_string())
    };
    let event = json!({
        "name": "Sound",
        "icon": "mdi:ear-hearing",
        "event_types": classes,
        "state_topic": topics.detection(),
    });
    let mut configs = vec![config("event", "sound", event)];
    for class in classes {
        let (topic, object) = (topics.class(class), id(class));
        let sensor = json!({
            "name": class,
            "device_class": "sound",
            "state_topic": topic,
            // What the broker has kept was heard before; only what is heard now turns it on.
            "value_template":
                format!("{{{{ 'ON' if as_timestamp(now()) - as_timestamp(value_json.recorded) < {} else 'OFF' }}}}", 10 * ON_S),
            "off_delay": ON_S,
            "json_attributes_topic": topic,
        });
        let last = json!({
            "name": format!("{class}, last heard"),
            "device_class": "timestamp",
            "state_topic": topic,
            "value_template": "{{ value_json.recorded }}",
        });
        configs.push(config("binary_sensor", &object, sensor));
        configs.push(config("sensor", &format!("{object}_last"), last));
    }
    configs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::MqttOptions;
    use std::collections::HashSet;

    #[test]
    fn each_class_has_a_sensor_and_a_time_and_all_ids_differ() {
        let options = MqttOptions::new("mqtt://nas".parse().unwrap());
        let topics = Topics::new(&options, "garden").unwrap();
        let classes = ["bird".to_owned(), "dog".to_owned(), "Hund \"Max\"".to_owned()];
        let configs = configs(&topics, &Provenance::default(), &classes);
        assert_eq!(configs.len(), 7);
        let mut ids = HashSet::new();
        for (topic, config) in &configs {
            let config: Value = serde_json::from_str(config).unwrap();
            assert!(ids.insert(config["unique_id"].as_str().unwrap().to_owned()), "{config}");
            assert_eq!(config["availability_topic"], "barkbird/garden/status");
            let parts: Vec<&str> = topic.split('/').collect();
            let is_id = |part: &&str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            assert!(parts.len() == 5 && parts[0] == "homeassistant" && parts[1..].iter().all(is_id), "{topic}");
        }
        let (topic, config) = &configs[3];
        let config: Value = serde_json::from_str(config).unwrap();
        assert_eq!(topic, "homeassistant/binary_sensor/barkbird_garden/dog/config");
        assert_eq!((&config["state_topic"], &config["off_delay"]), (&json!("barkbird/garden/class/dog"), &json!(30)));
        let none = Topics::new(&MqttOptions { discovery: None, ..options }, "garden").unwrap();
        assert!(super::configs(&none, &Provenance::default(), &classes).is_empty());
    }
}
