"""Real BitTorrent clients as test peers: one small class for each, on the loopback, with explicit peers only."""

from peers.aria2 import Aria2
from peers.base import Missing, RealPeer
from peers.libtorrent import LibTorrent
from peers.p2pcore import P2PCore
from peers.piped import Piped
from peers.rqbit import RQBit
from peers.rtorrent import RTorrent
from peers.transmission import Transmission

__all__ = ["Aria2", "LibTorrent", "Missing", "P2PCore", "Piped", "RQBit", "RTorrent", "RealPeer", "Transmission"]
