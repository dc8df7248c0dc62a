//! What the Swarms say is carried out here, and what they tell is measured.

use p2pcore_protocol::message::{Message, Request};
use p2pcore_protocol::{BlockSpan, PieceIndex, Verified};
use p2pcore_scheduling::{Fact, Input, Output, Print, Verdict};

use super::sending::liar_of;
use super::{World, nanos};
use crate::event::{Event, PipeId};
use crate::node::node_at;
use crate::scenario::{Conduct, Leaves};
use crate::wire::size;

impl World {
    pub(super) fn output(&mut self, node: u32, output: Output) {
        match output {
            Output::Send { peer, message } => self.send(node, peer.0 as PipeId, message),
            Output::Serve { peer, span } => self.serve(node, peer.0 as PipeId, span),
            Output::Store { ticket, span } => {
                if let Some(liar) = liar_of(ticket) {
                    let corrupt = &mut self.nodes[node as usize].corrupt;
                    let blocks = corrupt.entry(span.piece.get()).or_default();
                    blocks.push((span, liar));
                }
            }
            Output::Discard { .. } => {}
            Output::Check { piece, .. } => {
                let done = self.now + nanos(self.scenario.check);
                self.agenda.at(done, Event::Checked(node, piece.get()));
            }
            Output::AskLeaves { peer, piece } => self.ask_for_leaves(node, peer.0 as PipeId, piece),
            Output::Drop { piece } => {
                self.nodes[node as usize].corrupt.remove(&piece.get());
            }
            Output::Dial { addr, within } => self.dial(node, node_at(addr), within),
            Output::Close { peer, .. } => self.close(peer.0 as PipeId),
            Output::Fact(fact) => self.measure(node, fact),
        }
    }

    pub(super) fn checked(&mut self, node: u32, piece: u32) {
        let checking = &mut self.nodes[node as usize];
        if !checking.is_here() {
            return;
        }
        let known = checking.leaves.remove(&piece);
        let corrupt = checking.corrupt.remove(&piece).unwrap_or_default();
        let liars = corrupt.iter().map(|(_, liar)| *liar);
        checking.seen.lied_to_by.extend(liars);
        let piece = PieceIndex::new(piece);
        let wrong = |span: &BlockSpan| corrupt.iter().find(|(other, _)| other == span);
        // No two liars lie alike, and the truth is one.
        let print = |span| Print(wrong(&span).map_or(0, |(_, liar)| u64::from(*liar) + 1));
        let prints = self.layout.blocks(piece).map(print).collect();
        let verdict = if corrupt.is_empty() {
            Verdict::Good(Verified::simulated(piece))
        } else {
            let spans = corrupt.into_iter().map(|(span, _)| span);
            let bad_blocks = spans.filter(|_| known).collect();
            Verdict::Bad { piece, bad_blocks }
        };
        self.input(node, Input::Checked { verdict, prints });
    }

    pub(super) fn send(&mut self, node: u32, pipe: PipeId, message: Message) {
        let conduct = self.nodes[node as usize].what.conduct;
        if conduct == Conduct::FreeRider && message == Message::Unchoke {
            return;
        }
        if !self.pipes[pipe as usize].open {
            return;
        }
        self.nodes[node as usize].seen.control += size(&message);
        let at = self.now + self.delay_now(pipe);
        let begun = self.pipes[pipe as usize].send_note(self.now, at, message);
        if let Some(arrives) = begun {
            self.agenda.at(arrives, Event::Notes(pipe));
        }
    }

    fn serve(&mut self, node: u32, pipe: PipeId, span: BlockSpan) {
        if !self.pipes[pipe as usize].open {
            return;
        }
        let sender = &mut self.nodes[node as usize];
        let keeps_back = match sender.what.conduct {
            Conduct::Honest | Conduct::FreeRider | Conduct::Liar | Conduct::FakeHave => false,
            Conduct::SlowLoris | Conduct::HiddenLoris => true,
            Conduct::StallsAfter(bytes) => sender.seen.handed >= bytes,
        };
        if keeps_back {
            sender.seen.stalled.get_or_insert(self.now);
            return;
        }
        if sender.what.conduct == Conduct::FakeHave {
            let refused = Request {
                piece: span.piece.get(),
                begin: span.begin,
                length: span.length,
            };
            self.agenda.at(self.now, Event::Written(pipe));
            return self.send(node, pipe, Message::Reject(refused));
        }
        sender.seen.handed += u64::from(span.length);
        self.pipes[pipe as usize].serve(span);
        self.push_on(pipe);
    }

    fn measure(&mut self, node: u32, fact: Fact) {
        let (now, told) = (self.now, &mut self.nodes[node as usize]);
        match fact {
            Fact::PieceVerified(piece) => {
                told.seen.first_piece.get_or_insert(now);
                self.had += u64::from(told.what.counted);
                if !told.what.complete {
                    self.count_copy(piece);
                }
            }
            Fact::MayLeave => {
                if told.what.leaves == Leaves::Lingered && !told.what.complete {
                    self.agenda.at(now, Event::Leave(node));
                }
            }
            Fact::PieceFailed(_) => {}
            Fact::PeerBanned { addr, .. } => told.seen.banned.push(node_at(addr)),
            Fact::Completed => {
                let first = told.seen.completed.is_none();
                told.seen.completed.get_or_insert(now);
                if told.what.complete {
                    return;
                }
                if first && told.what.counted {
                    self.left -= 1;
                }
                if told.what.leaves == Leaves::Complete {
                    self.agenda.at(now, Event::Leave(node));
                }
            }
        }
    }

    /// The rest of the swarm has one more piece.
    fn count_copy(&mut self, piece: PieceIndex) {
        let spread = &mut self.spread;
        if std::mem::replace(&mut spread.seen[piece.get() as usize], true) {
            return;
        }
        spread.missing -= 1;
        if spread.missing == 0 {
            let origins = self.nodes.iter().filter(|node| node.what.complete);
            let sent = origins.map(|node| node.seen.sent).sum();
            spread.first_copy = Some((self.now, sent));
        }
    }
}
