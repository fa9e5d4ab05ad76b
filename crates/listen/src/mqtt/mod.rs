//! Events as messages of MQTT.
//!
//! Topics, below `PREFIX/NAME`:
//!
//! - `status`: `online` or `offline`; kept by the broker, which also says `offline` where the connection breaks.
//! - `detection`: each event as JSON, as [`Event`] has it, and its class as `event_type`.
//! - `class/CLASS`: the last event of a class; kept by the broker.
//!
//! Below the discovery prefix of Home Assistant there are the configurations of an event entity for all classes, and of a binary sensor
//! and a time for each class (<https://www.home-assistant.io/integrations/mqtt/>).

mod address;
mod discovery;
mod options;
mod topics;

pub use address::Broker;
pub use options::MqttOptions;

use crate::error::{Error, Result};
use crate::told::Event;
use detections::Provenance;
use rumqttc::{Client, Connection, LastWill, MqttOptions as Settings, Packet, QoS, Transport};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use topics::Topics;

/// Messages that wait for the broker, at most.
const WAITING: usize = 1024;

/// How long the broker may be silent before it counts as gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long is waited before a connection is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How long messages may take to go out at the end.
const LAST: Duration = Duration::from_secs(5);

/// Largest message, in bytes.
const MOST_BYTES: usize = 256 << 10;

/// A connection, kept open by a thread of its own.
pub(crate) struct Mqtt {
    client: Client,
    topics: Arc<Topics>,
    shared: Arc<Shared>,
    news: Receiver<String>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// Nothing more is sent.
    is_over: AtomicBool,
    /// Messages that were given to the client, and those that the broker has acknowledged.
    sent: AtomicU64,
    acknowledged: AtomicU64,
    lost: AtomicU64,
    /// Last message of each class, for a broker that was started again.
    last: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Mqtt {
    /// Begins to connect; a broker that is not there is tried again and again, and what is heard meanwhile waits.
    ///
    /// # Errors
    /// A prefix or name that no topic can have.
    pub(crate) fn start(options: &MqttOptions, name: &str, of: &Provenance, classes: &[String]) -> Result<Self> {
        let topics = Arc::new(Topics::new(options, name)?);
        let broker = &options.broker;
        let client_id = format!("barkbird-{}-{:08x}", topics.id, std::process::id());
        let mut settings = Settings::new(client_id, broker.host.clone(), broker.port);
        settings.set_keep_alive(KEEP_ALIVE).set_max_packet_size(MOST_BYTES, MOST_BYTES);
        settings.set_last_will(LastWill::new(topics.status(), "offline", QoS::AtLeastOnce, true));
        if let Some((user, password)) = &broker.login {
            settings.set_credentials(user, password);
        }
        if broker.is_encrypted {
            settings.set_transport(Transport::tls_with_default_config());
        }
        let (client, connection) = Client::new(settings, WAITING);
        let configs = discovery::configs(&topics, of, classes);
        let (tell, news) = channel();
        let shared = Arc::<Shared>::default();
        let keeper = Keeper {
            client: client.clone(),
            topics: Arc::clone(&topics),
            shared: Arc::clone(&shared),
            configs,
            broker: broker.to_string(),
            tell,
        };
        let thread = thread::Builder::new().name("mqtt".into()).spawn(move || keeper.keep(connection));
        Ok(Self { client, topics, shared, news, thread: thread.map_err(Error::Start)? })
    }

    /// Sends an event; where too many wait already, it is counted as lost.
    pub(crate) fn send(&mut self, event: &Event) {
        let mut message = serde_json::to_value(event).unwrap_or_default();
        if let Value::Object(fields) = &mut message {
            fields.insert("event_type".into(), event.label.clone().into());
        }
        let payload = message.to_string().into_bytes();
        let of_class = self.topics.class(&event.label);
        self.publish(&self.topics.detection(), false, payload.clone());
        self.publish(&of_class, true, payload.clone());
        let mut last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|(topic, _)| *topic != of_class);
        last.push((of_class, payload));
    }

    fn publish(&self, topic: &str, retain: bool, payload: Vec<u8>) {
        match self.client.try_publish(topic, QoS::AtLeastOnce, retain, payload) {
            Ok(()) => self.shared.sent.fetch_add(1, Ordering::Relaxed),
            Err(_) => self.shared.lost.fetch_add(1, Ordering::Relaxed),
        };
    }

    /// What somebody should know since it was last asked.
    pub(crate) fn news(&mut self) -> Vec<String> {
        self.news.try_iter().collect()
    }

    /// Waits a little until all messages are with the broker, says goodbye, and gives how many are not.
    pub(crate) fn finish(self) -> u64 {
        let until = Instant::now() + LAST;
        let n_missing = || {
            let sent = self.shared.sent.load(Ordering::Relaxed);
            sent.saturating_sub(self.shared.acknowledged.load(Ordering::Relaxed))
        };
        self.publish(&self.topics.status(), true, b"offline".to_vec());
        while n_missing() > 0 && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
        let n_lost = n_missing() + self.shared.lost.load(Ordering::Relaxed);
        self.shared.is_over.store(true, Ordering::Relaxed);
        let said = self.client.try_disconnect();
        // A thread that waits for a broker that is not there is left behind.
        while said.is_ok() && !self.thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(20));
        }
        n_lost
    }
}

/// Keeps the connection.
struct Keeper {
    client: Client,
    topics: Arc<Topics>,
    shared: Arc<Shared>,
    /// Topics and payloads that Home Assistant has to know.
    configs: Vec<(String, String)>,
    broker: String,
    tell: Sender<String>,
}

impl Keeper {
    fn keep(self, mut connection: Connection) {
        let (mut is_up, mut was_told, mut pause) = (false, false, RETRY.0);
        for event in connection.iter() {
            match event {
                Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) => {
                    (is_up, pause) = (true, RETRY.0);
                    if std::mem::take(&mut was_told) {
                        self.say(format!("MQTT: {} is there again", self.broker));
                    }
                    self.introduce();
                }
                Ok(rumqttc::Event::Incoming(Packet::PubAck(_))) => {
                    self.shared.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                // Home Assistant was started: it knows nothing of what came before.
                Ok(rumqttc::Event::Incoming(Packet::Publish(message))) if message.payload == "online" => {
                    self.introduce()
                }
                Ok(_) => {}
                Err(_) if self.shared.is_over.load(Ordering::Relaxed) => return,
                Err(error) => {
                    if !was_told {
                        let what = if is_up { "the connection broke" } else { "no connection" };
                        self.say(format!("MQTT: {}: {what}: {error}; it is tried again", self.broker));
                    }
                    (is_up, was_told) = (false, true);
                    thread::sleep(pause);
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Says that somebody listens here, and what.
    fn introduce(&self) {
        // Sends that fail are made up for with the next connection.
        let publish = |topic: &str, payload: Vec<u8>| {
            if self.client.try_publish(topic, QoS::AtLeastOnce, true, payload).is_ok() {
                self.shared.sent.fetch_add(1, Ordering::Relaxed);
            }
        };
        self.configs.iter().for_each(|(topic, config)| publish(topic, config.clone().into_bytes()));
        publish(&self.topics.status(), b"online".to_vec());
        let last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        last.into_iter().for_each(|(topic, payload)| publish(&topic, payload));
        if let Some(births) = self.topics.births() {
            drop(self.client.try_subscribe(births, QoS::AtLeastOnce));
        }
    }

    fn say(&self, text: String) {
        drop(self.tell.send(text));
    }
}
