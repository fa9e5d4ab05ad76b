//! Events over MQTT, to a broker of the plainest kind: it speaks the protocol, keeps what it is told to keep, and can be pulled down.
#![cfg(feature = "mqtt")]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use bytes::BytesMut;
use common::{garden, options, told};
use listen::{MqttOptions, Told};
use pipeline::Job;
use rumqttc::{ConnAck, ConnectReturnCode, Packet, PubAck, Publish, SubAck, SubscribeReasonCode};
use serde_json::Value;
use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Topic and message, or user and password.
type Pair = Option<(String, String)>;

/// What a broker has seen.
#[derive(Default)]
struct Seen {
    messages: Vec<Publish>,
    /// Will, user and password of each connection.
    connections: Vec<(Pair, Pair)>,
    n_subscribed: usize,
}

type Shared = Arc<Mutex<Seen>>;

/// Serves one connection after the other; each is cut after so many messages.
fn serve(listener: TcpListener, seen: Shared, cut_after: Vec<usize>) {
    thread::spawn(move || {
        for (nth, stream) in listener.incoming().enumerate() {
            let cut = cut_after.get(nth).copied().unwrap_or(usize::MAX);
            connection(stream.unwrap(), &seen, cut);
        }
    });
}

fn connection(mut stream: TcpStream, seen: &Shared, cut: usize) {
    let (mut buffer, mut n_messages) = (BytesMut::new(), 0);
    let mut chunk = [0; 4096];
    loop {
        let packet = match Packet::read(&mut buffer, 1 << 20) {
            Ok(packet) => packet,
            Err(_) => match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(n) => {
                    buffer.extend_from_slice(&chunk[..n]);
                    continue;
                }
            },
        };
        let mut answer = BytesMut::new();
        match packet {
            Packet::Connect(connect) => {
                let will =
                    connect.last_will.map(|will| (will.topic, String::from_utf8(will.message.to_vec()).unwrap()));
                let login = connect.login.map(|login| (login.username, login.password));
                seen.lock().unwrap().connections.push((will, login));
                ConnAck::new(ConnectReturnCode::Success, false).write(&mut answer).unwrap();
            }
            Packet::Publish(message) => {
                PubAck::new(message.pkid).write(&mut answer).unwrap();
                seen.lock().unwrap().messages.push(message);
                n_messages += 1;
            }
            Packet::Subscribe(subscribe) => {
                seen.lock().unwrap().n_subscribed += 1;
                let code = SubscribeReasonCode::Success(rumqttc::QoS::AtLeastOnce);
                SubAck::new(subscribe.pkid, vec![code]).write(&mut answer).unwrap();
            }
            Packet::Disconnect => return,
            _ => {}
        }
        if n_messages == cut || stream.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Options whose messages go there.
fn to(addr: SocketAddr) -> listen::Options {
    let mut options = options();
    options.mqtt = Some(MqttOptions::new(format!("mqtt://me:secret@{addr}").parse().unwrap()));
    options
}

fn events(told: &[Told]) -> usize {
    told.iter().filter(|told| matches!(told, Told::Detection(_))).count()
}

fn payloads(seen: &Seen, topic: &str) -> Vec<String> {
    let of_topic = seen.messages.iter().filter(|message| message.topic == topic);
    of_topic.map(|message| String::from_utf8(message.payload.to_vec()).unwrap()).collect()
}

fn lost(told: &[Told]) -> u64 {
    told.iter().find_map(|told| if let Told::Finished(f) = told { Some(f.messages_lost) } else { None }).unwrap()
}

#[test]
fn a_broker_gets_events_and_what_home_assistant_needs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, seen) = (listener.local_addr().unwrap(), Shared::default());
    serve(listener, Arc::clone(&seen), Vec::new());
    let told = told(&to(addr), Cursor::new(garden()), &Job::default());
    assert_eq!(lost(&told), 0);
    let seen = seen.lock().unwrap();
    let will = Some(("barkbird/garden/status".to_owned(), "offline".to_owned()));
    assert_eq!(seen.connections, [(will, Some(("me".to_owned(), "secret".to_owned())))]);
    assert_eq!(
        (payloads(&seen, "barkbird/garden/status"), seen.n_subscribed),
        (vec!["online".into(), "offline".into()], 1)
    );
    let detections = payloads(&seen, "barkbird/garden/detection");
    assert_eq!(detections.len(), events(&told));
    for payload in &detections {
        let event: Value = serde_json::from_str(payload).unwrap();
        assert!(event["event_type"] == event["label"] && event["score"].is_number(), "{payload}");
    }
    let retained = |topic: &str| seen.messages.iter().filter(|m| m.topic.starts_with(topic)).all(|m| m.retain);
    assert!(retained("homeassistant/") && retained("barkbird/garden/class/") && retained("barkbird/garden/status"));
    assert!(seen.messages.iter().any(|m| m.topic == "homeassistant/binary_sensor/barkbird_garden/dog/config"));
}

#[test]
fn what_is_heard_while_the_broker_is_away_arrives_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, seen) = (listener.local_addr().unwrap(), Shared::default());
    // The first connection breaks in the middle of the introduction, the second in the middle of events.
    serve(listener, Arc::clone(&seen), vec![3, 9]);
    let told = told(&to(addr), Slow(Cursor::new(garden())), &Job::default());
    let seen = seen.lock().unwrap();
    assert!(seen.connections.len() >= 3, "{:?}", seen.connections.len());
    let warnings = told.iter().filter(|told| matches!(told, Told::Warning { .. })).count();
    assert!(warnings >= 1, "{told:?}");
    // At least once: none is missing, and one that was not acknowledged may come twice.
    let mut detections = payloads(&seen, "barkbird/garden/detection");
    detections.sort();
    detections.dedup();
    assert_eq!(detections.len(), events(&told));
    assert_eq!(payloads(&seen, "barkbird/garden/status").last().map(String::as_str), Some("offline"));
}

/// Sound that takes some seconds, as sound does.
struct Slow(Cursor<Vec<u8>>);

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        thread::sleep(Duration::from_millis(100));
        let n = into.len().min(16_000);
        self.0.read(&mut into[..n])
    }
}

#[test]
fn a_broker_that_is_not_there_holds_nothing_up() {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let began = Instant::now();
    let told = told(&to(addr), Cursor::new(garden()), &Job::default());
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(events(&told) >= 6 && lost(&told) as usize >= 2 * events(&told), "{} lost", lost(&told));
}
