// Every limit of the server, named, with its default. What an operator can change stands in the
// configuration table of README.md under the key named here; the rest is fixed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace topod::limits {

// ---- client frames -------------------------------------------------------------------------
// Longest request frame ("jute.maxbuffer"); Apache's default.
inline constexpr int32_t kMaxFrameBytes = 1'048'575;
// Longest frame of setWatches and setWatches2: the C client sends all its watches in one.
inline constexpr int32_t kMaxSetWatchesFrameBytes = 16 * 1024 * 1024;
// Longest connect request (44 or 45 bytes are usual; newer clients may append fields).
inline constexpr int32_t kMaxConnectFrameBytes = 64 * 1024;
// Longest answer to a multiRead; other answers are as long as what they show.
inline constexpr size_t kMaxMultiReadBytes = size_t{16} * 1024 * 1024;

// ---- client connections --------------------------------------------------------------------
// Connections in total ("maxCnxns"); 0 = as many as file descriptors allow.
inline constexpr uint32_t kMaxConnections = 0;
// Connections per client address ("maxClientCnxns"); 0 = no limit.
inline constexpr uint32_t kMaxConnectionsPerAddress = 0;
// Requests of one connection that may wait for the log before reading from it pauses.
inline constexpr uint32_t kMaxOutstandingPerConnection = 1'000;
// Requests of all connections that may wait for the log ("globalOutstandingLimit"): beyond it,
// reading pauses on each connection that has at least one outstanding.
inline constexpr uint32_t kMaxOutstandingTotal = 20'000;
// Bytes of waiting requests of all connections; beyond it, as above.
inline constexpr size_t kMaxOutstandingBytes = size_t{256} * 1024 * 1024;
// Requests of one connection that may wait unanswered behind its own writes: nobody knows yet how
// long their answers will be.
inline constexpr uint32_t kMaxWaitingPerConnection = 32;
// Identities that a connection may prove: they are copied into each of its writes.
inline constexpr size_t kMaxAuthIdBytes = 16 * 1024;
// A connection's requests are carried out for this long before others have their turn.
inline constexpr int64_t kFrameBudgetMs = 5;
// Unsent bytes of one connection beyond which its requests are no longer read.
inline constexpr size_t kUnsentPauseBytes = size_t{1} * 1024 * 1024;
// Unsent bytes of one connection beyond which it is closed ("maxUnsentBytes"); only watch events
// can get here, for nothing is read from a connection above the pause mark.
inline constexpr size_t kUnsentCloseBytes = size_t{64} * 1024 * 1024;
// Unsent bytes of all connections beyond which the one with the most is closed
// ("maxUnsentBytesTotal"), and so on; from half of it on, nothing is read from connections that
// have any.
inline constexpr size_t kUnsentCloseTotalBytes = size_t{512} * 1024 * 1024;
// Bytes read from one connection in one turn of the loop.
inline constexpr size_t kReadChunkBytes = size_t{64} * 1024;
// Ready handlers run in one turn before the turn is carried out.
inline constexpr int kMaxHandlersPerTurn = 1'024;
// A connection without a session is closed after this time ("nio.sessionlessCnxnTimeout").
inline constexpr int64_t kSessionlessTimeoutMs = 10'000;
// Watches of one connection ("maxWatchesPerConnection"); 0 = no limit.
inline constexpr uint32_t kMaxWatchesPerConnection = 0;

// ---- sessions ------------------------------------------------------------------------------
inline constexpr int32_t kTickTimeMs = 3'000;
// Defaults of minSessionTimeout and maxSessionTimeout, in ticks.
inline constexpr int32_t kMinSessionTimeoutTicks = 2;
inline constexpr int32_t kMaxSessionTimeoutTicks = 20;

// ---- ensemble ------------------------------------------------------------------------------
// Time for a follower to be synchronised ("initLimit") and without a word from it or to it
// ("syncLimit"), in ticks.
inline constexpr int32_t kInitLimitTicks = 10;
inline constexpr int32_t kSyncLimitTicks = 5;
// Clients keep their connections for this long while there is no leader ("failoverHoldMs").
inline constexpr int64_t kFailoverHoldMs = 2'000;
// A candidate with a quorum of votes waits this long for those who have not spoken.
inline constexpr int64_t kElectionSettleMs = 25;
// A candidate that does not come to lead in this time is passed over for as long, the next time
// twice that, up to a limit.
inline constexpr int64_t kElectionPatienceMs = 500;
inline constexpr int64_t kElectionPatienceMaxMs = 4'000;
// Heartbeats: a quarter of a tick apart, within these bounds.
inline constexpr int64_t kHeartbeatMinMs = 10;
inline constexpr int64_t kHeartbeatMaxMs = 500;
// Recent transactions kept in memory for peers that are a little behind.
inline constexpr size_t kHistoryWindowBytes = size_t{16} * 1024 * 1024;
// Sent to a peer and not acknowledged; beyond it the rest waits.
inline constexpr size_t kPeerWindowBytes = size_t{8} * 1024 * 1024;
// Entries of one message.
inline constexpr size_t kProposeBytes = size_t{256} * 1024;
// Longest peer frame: the longest log record and its envelope.
inline constexpr size_t kMaxPeerFrameBytes = size_t{49} * 1024 * 1024;
// Bytes queued for one peer beyond which its link is closed.
inline constexpr size_t kPeerQueueBytes = size_t{128} * 1024 * 1024;
// One piece of a snapshot, and how much of it may be queued for one peer.
inline constexpr size_t kSnapshotChunkBytes = size_t{256} * 1024;
inline constexpr size_t kSnapshotQueueBytes = size_t{1} * 1024 * 1024;
// Snapshots being sent at once, their rate together, their time, and how far the tree's file may
// grow while one is read.
inline constexpr int kSnapshotStreams = 2;
inline constexpr size_t kSnapshotBytesPerSecond = size_t{200} * 1024 * 1024;
inline constexpr int64_t kSnapshotMaxMs = 600'000;
inline constexpr size_t kSnapshotMaxGrowthBytes = size_t{2} * 1024 * 1024 * 1024;
// Between attempts to reach a peer: doubled up to the maximum, with jitter.
inline constexpr int64_t kPeerRetryMinMs = 20;
inline constexpr int64_t kPeerRetryMaxMs = 2'000;
// From connect to the end of the handshake.
inline constexpr int64_t kPeerHandshakeMs = 5'000;

// ---- containers and TTL nodes --------------------------------------------------------------
inline constexpr int64_t kContainerCheckIntervalMs = 60'000;  // "znode.container.checkIntervalMs"
inline constexpr int32_t kContainerMaxPerMinute = 10'000;     // "znode.container.maxPerMinute"
// A container that never had a child lives this long ("znode.container.maxNeverUsedIntervalMs").
inline constexpr int64_t kContainerMaxNeverUsedMs = 300'000;

// ---- log -----------------------------------------------------------------------------------
inline constexpr size_t kSegmentBytes = size_t{64} * 1024 * 1024;
inline constexpr size_t kBatchAlignBytes = 4'096;
inline constexpr size_t kSectorBytes = 512;
// A single larger record is allowed.
inline constexpr size_t kMaxBatchBytes = size_t{1} * 1024 * 1024;
inline constexpr uint32_t kMaxBatchRecords = 1'024;
// Longest record: a frame of kMaxFrameBytes raised by configuration up to this.
inline constexpr size_t kMaxRecordBytes = size_t{48} * 1024 * 1024;
// Log kept behind the checkpoint, so that short absences of a peer are served from it.
inline constexpr size_t kLogRetainBytes = size_t{256} * 1024 * 1024;
// An idle log is sealed after this time.
inline constexpr int64_t kSealAfterMs = 1'000;
// A flush longer than this is warned about ("fsync.warningthresholdms").
inline constexpr int64_t kFlushWarningMs = 1'000;

// ---- checkpoint ----------------------------------------------------------------------------
inline constexpr int64_t kCheckpointIntervalMs = 1'000;
inline constexpr size_t kCheckpointMaxEntries = 16'384;
inline constexpr size_t kCheckpointMaxBytes = size_t{32} * 1024 * 1024;
// After-images that wait for the checkpoint before them; beyond it reading of writers pauses.
inline constexpr size_t kMaxGatheredBytes = 4 * kCheckpointMaxBytes;
inline constexpr size_t kMapBytes = size_t{64} * 1024 * 1024 * 1024;  // address space only
// How far the map may be doubled when the tree has filled it.
inline constexpr size_t kMapBytesMax = size_t{16} * 1024 * 1024 * 1024 * 1024;
inline constexpr size_t kInlineRowBytes = 1'900;  // name and data in the node's own row
inline constexpr size_t kDataChunkBytes = 1'990;  // name and data of one `data` row
inline constexpr int64_t kScrubPeriodMs = int64_t{24} * 3600 * 1000;

// ---- administration ------------------------------------------------------------------------
// Log lines about misbehaving clients per second; the rest is counted and summed up.
inline constexpr int kClientLogLinesPerSecond = 10;

}  // namespace topod::limits
