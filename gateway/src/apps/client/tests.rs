use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::Handle;

use http::HeaderValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::apps::address::Address;
use crate::apps::server::Located;
use crate::apps::testing;
use crate::telemetry::labels::UpstreamError as Kind;

fn question(method: Method) -> Question {
    let fields = [(HOST, HeaderValue::from_static("app.test"))];
    Question {
        method,
        target: "/x".to_owned(),
        headers: fields.into_iter().collect(),
        body: Bytes::from_static(b"{}"),
        timeout: Duration::from_secs(20),
        max_answer_bytes: 8,
    }
}

fn at(address: SocketAddr) -> (Way, Server) {
    let upstream = testing::upstream(&address.to_string());
    let at = Located {
        address: Address::Tcp(address),
        host: None,
        tls: false,
        weight: 1,
    };
    (
        Way::new(&Arc::new(upstream), true).unwrap(),
        Server::new(at),
    )
}

/// Answers the first request of each connection, and closes it when the second one has come.
async fn closes_at_the_second(listener: TcpListener) -> Vec<String> {
    let mut received = Vec::new();
    for _ in 0..2 {
        let (mut stream, _) = listener.accept().await.unwrap();
        received.push(request(&mut stream).await);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).await.unwrap();
        match request(&mut stream).await {
            text if text.is_empty() => break,
            text => received.push(text),
        }
    }
    received
}

/// One request; empty at the end of the connection.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"{}") {
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            break;
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_post_that_may_have_arrived_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (way, server) = at(listener.local_addr().unwrap());
    let app = Handle::current().spawn(closes_at_the_second(listener));
    let client = Client::new();
    let answer = client
        .ask(&way, &server, &question(Method::POST))
        .await
        .unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]));
    let again = client.ask(&way, &server, &question(Method::POST)).await;
    assert!(matches!(again, Err(Unanswered::BrokenOff(_))), "{again:?}");
    // Over another connection, which the app closes without a word.
    drop(client);
    let stray = TcpStream::connect(match server.at.address {
        Address::Tcp(address) => address,
        Address::Unix(_) => panic!("over TCP"),
    });
    drop(stray.await);
    let received = app.await.unwrap();
    let posts = received
        .iter()
        .filter(|text| text.starts_with("POST /x HTTP/1.1"));
    assert_eq!(posts.count(), 2, "{received:?}");
}

#[tokio::test]
async fn a_get_is_sent_again_when_an_idle_connection_was_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (way, server) = at(listener.local_addr().unwrap());
    let app = Handle::current().spawn(closes_at_the_second(listener));
    let client = Client::new();
    for _ in 0..2 {
        let answer = client
            .ask(&way, &server, &question(Method::GET))
            .await
            .unwrap();
        assert_eq!(answer.status, 200);
    }
    drop(client);
    assert_eq!(app.await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (way, server) = at(listener.local_addr().unwrap());
    Handle::current().spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        let answer =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789";
        stream.write_all(answer).await.unwrap();
    });
    let answer = Client::new()
        .ask(&way, &server, &question(Method::GET))
        .await
        .unwrap();
    assert_eq!((&answer.body[..], answer.is_cut), (&b"12345678"[..], true));
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (way, server) = at(listener.local_addr().unwrap());
    drop(listener);
    match Client::new()
        .ask(&way, &server, &question(Method::POST))
        .await
    {
        Err(Unanswered::NoConnection(fault)) => assert_eq!(fault.kind, Kind::Refused),
        other => panic!("{other:?}"),
    }
}
