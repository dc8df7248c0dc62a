//! One connected peer: its outbox, and the task that reads and writes until either ends.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use p2pcore_protocol::extension::ExtensionHandshake;
use p2pcore_protocol::message::Message;
use p2pcore_scheduling::{CloseReason, Extensions, Input, PeerInfo, PeerKey, Site};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::outbox::{Due, Outbox, Serving};
use super::torrent::Torrent;
use super::{Net, reader, writer};

/// A connection after its handshakes.
#[derive(Debug)]
pub(super) struct Peer {
    pub key: PeerKey,
    pub info: PeerInfo,
    pub client: RefCell<String>,
    /// Where we are, if that matters.
    own_site: Option<Site>,
    /// It was heard on our local network.
    near: Cell<bool>,
    /// What its extension handshakes said.
    said: RefCell<ExtensionHandshake>,
    pub outbox: RefCell<Outbox>,
    wake: Notify,
    closing: Cell<Option<CloseReason>>,
    closed: Notify,
}

impl Peer {
    pub fn new(key: PeerKey, info: PeerInfo, own_site: Option<Site>) -> Self {
        Self {
            key,
            client: RefCell::new(p2pcore_protocol::client::client_name(&info.peer_id)),
            info,
            own_site,
            near: Cell::new(false),
            said: RefCell::default(),
            outbox: RefCell::default(),
            wake: Notify::new(),
            closing: Cell::new(None),
            closed: Notify::new(),
        }
    }

    /// It was heard on our local network.
    pub fn is_near(&self) {
        self.near.set(true);
    }

    /// Takes in an extension handshake: a later one changes only what it names.
    pub fn hear(&self, handshake: ExtensionHandshake) {
        self.said.borrow_mut().update(handshake);
    }

    /// What it offers beyond BEP 3, as far as it said.
    pub fn extensions(&self) -> Input {
        let said = self.said.borrow();
        let id = |id: Option<u8>| id.filter(|id| *id > 0);
        Input::PeerExtensions {
            peer: self.key,
            said: Extensions {
                passes: said.passes == Some(true),
                dont_have: id(said.ids.lt_donthave),
                seeds: id(said.ids.p2_seeds),
                exchange: id(said.ids.ut_pex),
                punch: id(said.ids.p2_punch),
                coming: id(said.ids.p2_coming),
                listen_port: said.listen_port,
            },
        }
    }

    /// Where it is, as far as it said and by its address.
    pub fn site(&self) -> Option<Input> {
        let ours = self.own_site?;
        let said = self.said.borrow();
        let theirs = Site {
            label: said.site,
            ip: self.info.addr.ip(),
        };
        Some(Input::PeerSite {
            peer: self.key,
            local: ours.is_with(&theirs, self.near.get()),
            news: said.ids.p2_site.filter(|id| *id > 0),
        })
    }

    /// Queues a message and wakes the writer.
    pub fn send(&self, message: &Message) {
        let mut outbox = self.outbox.borrow_mut();
        let before = outbox.messages_due();
        outbox.push(message);
        if outbox.is_flooded() {
            self.close(CloseReason::Flooded);
        }
        if outbox.messages_due() != before {
            self.wake.notify_one();
        }
    }

    /// Queues a block and wakes the writer.
    pub fn serve(&self, block: Serving) {
        self.outbox.borrow_mut().blocks.push_back(block);
        self.wake.notify_one();
    }

    /// Until there is something to write. `told` is when `have`s were last written.
    pub async fn writable(&self, told: Option<Instant>) {
        self.until(Outbox::due, told).await;
    }

    /// Until there are messages to write.
    pub async fn has_messages(&self, told: Option<Instant>) {
        self.until(Outbox::messages_due, told).await;
    }

    async fn until(&self, due: impl Fn(&Outbox) -> Due, told: Option<Instant>) {
        loop {
            let due = due(&self.outbox.borrow());
            let later = told.map(|told| told + NEWS_EVERY);
            match (due, later) {
                (Due::Now, _) | (Due::WithMoreNews, None) => return,
                (Due::WithMoreNews, Some(later)) => {
                    let more = tokio::time::timeout_at(later, self.wake.notified());
                    if more.await.is_err() {
                        return;
                    }
                }
                (Due::Never, _) => self.wake.notified().await,
            }
        }
    }

    /// Ends the connection soon; the first reason counts.
    pub fn close(&self, reason: CloseReason) {
        if self.closing.get().is_none() {
            self.closing.set(Some(reason));
            self.closed.notify_one();
        }
    }

    async fn until_closed(&self) -> CloseReason {
        loop {
            if let Some(reason) = self.closing.get() {
                return reason;
            }
            self.closed.notified().await;
        }
    }
}

/// Reads and writes until the connection ends, then tells the torrent why.
pub(super) async fn run(net: Rc<Net>, torrent: Rc<Torrent>, stream: TcpStream, info: PeerInfo) {
    let own_ip = stream.local_addr().ok().map(|addr| addr.ip());
    let Some(peer) = torrent.connected(&net, info, own_ip) else {
        return;
    };
    let reason = tokio::select! {
        biased;
        reason = peer.until_closed() => reason,
        reason = reader::read(&net, &torrent, &peer, &stream) => reason,
        reason = writer::write(&net, &torrent, &peer, &stream) => reason,
    };
    torrent.disconnected(&net, &peer, reason);
}

/// `have`s go to a peer at once, but not more often than this: where pieces come faster, nobody misses one of them for so
/// short a time.
const NEWS_EVERY: Duration = Duration::from_millis(10);

#[cfg(test)]
pub(super) mod tests {
    use p2pcore_protocol::PieceIndex;

    use super::*;

    /// Who connected to us, and speaks BEP 6.
    pub fn somebody() -> PeerInfo {
        PeerInfo {
            addr: "127.0.0.1:9".parse().unwrap(),
            outgoing: false,
            peer_id: [2; 20],
            fast: true,
            extended: false,
            v2: false,
        }
    }

    fn have() -> Message {
        Message::Have(7)
    }

    fn peer() -> Peer {
        Peer::new(PeerKey(1), somebody(), None)
    }

    /// Of virtual time, which goes on when all wait.
    async fn waited(peer: &Peer, told: Option<Instant>) -> Duration {
        let begin = Instant::now();
        peer.writable(told).await;
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn haves_that_come_fast_go_together() {
        let peer = peer();
        peer.send(&have());
        assert_eq!(waited(&peer, None).await, Duration::ZERO);
        let told = Some(Instant::now());
        tokio::time::advance(NEWS_EVERY / 2).await;
        assert!(NEWS_EVERY / 2 <= waited(&peer, told).await);
        assert_eq!(waited(&peer, told).await, Duration::ZERO, "long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn other_messages_and_blocks_do_not_wait_for_haves() {
        for also in [true, false] {
            let peer = peer();
            let told = Some(Instant::now());
            peer.send(&have());
            let (waited, ()) = tokio::join!(waited(&peer, told), async {
                tokio::task::yield_now().await;
                if also {
                    peer.send(&Message::Interested);
                } else {
                    let span = p2pcore_protocol::BlockSpan {
                        piece: PieceIndex::new(0),
                        begin: 0,
                        length: 1,
                    };
                    peer.serve(Serving { span, data: None });
                }
            });
            assert_eq!(waited, Duration::ZERO);
        }
    }
}
